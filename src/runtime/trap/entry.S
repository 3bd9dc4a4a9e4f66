/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where control enters and leaves the runtime in ways that C cannot say.
 *
 * Kernel's calling rules: syscall number rax, arguments rdi rsi rdx r10 r8 r9; clobbers rcx r11.
 */
#include <asm/unistd.h>

#include "runtime/trap/fast.h"

	.text

/* A signal was deferred (fast.h): it comes at the last instruction. On the block's stack. */
	.macro	let_come
	rdgsbase %rdi
	call	fast_requeue
	mov	$2, %edi		/* SIG_SETMASK */
	rdgsbase %rsi
	add	$FAST_MASK, %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	mov	$__NR_rt_sigprocmask, %eax
	syscall
	.endm

/* The first instruction: hand the initial stack to C. */
	.globl	_start
	.type	_start, @function
_start:
	xor	%ebp, %ebp
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	runtime_start
	ud2
	.size	_start, . - _start

/* runtime_switch(stack top, function, argument): go on elsewhere. Does not return. */
	.globl	runtime_switch
	.type	runtime_switch, @function
runtime_switch:
	mov	%rdi, %rsp
	xor	%ebp, %ebp
	mov	%rdx, %rdi
	call	*%rsi
	ud2
	.size	runtime_switch, . - runtime_switch

/* frame_return(frame): rt_sigreturn expects the stack pointer behind the return address. */
	.globl	frame_return
	.type	frame_return, @function
frame_return:
	lea	8(%rdi), %rsp
	.globl	frame_restorer
	.type	frame_restorer, @function
frame_restorer:
	mov	$__NR_rt_sigreturn, %eax
	syscall
	ud2
	.size	frame_return, . - frame_return

/*
 * mov $15, %rax; syscall - in the long form, which libgcc and gdb look for. With patched sites the filter answers this system call
 * without making it, and the return goes on here, without a trap: fast_sigreturn() makes of the guest's frame one that the kernel
 * may take. Without them, and where that cannot be, rt_sigreturn is trapped. A signal that arrives meanwhile finds the return not
 * begun (fast_signal).
 */
	.globl	signal_restorer, signal_restorer_syscall, signal_return, signal_switch, signal_leave, signal_return_trap
	.globl	signal_return_trap_syscall, signal_return_end
	.type	signal_restorer, @function
	.type	signal_restorer_syscall, @function
	.balign	16
signal_restorer:
	.byte	0x48, 0xc7, 0xc0, __NR_rt_sigreturn, 0, 0, 0
signal_restorer_syscall:
	syscall
signal_return:
	rdgsbase %r11
	shr	$32, %r11
	cmp	$FAST_BLOCKS, %r11d
	jne	signal_return_trap
	mov	%rsp, %gs:FAST_RSP
	movl	$1, %gs:FAST_ACTIVE
signal_switch:
	mov	%gs:FAST_TOP, %rsp
	rdgsbase %rdi
	call	fast_sigreturn
	movl	$0, %gs:FAST_ACTIVE
signal_leave:
	cmpl	$0, %gs:FAST_DEFERRED
	jne	1f
	mov	%gs:FAST_RSP, %rsp
	test	%eax, %eax
	jnz	signal_return_trap
	mov	$__NR_rt_sigreturn, %eax
	syscall
	ud2
1:	let_come			/* the return begins anew behind it */
	ud2
signal_return_trap:
	mov	$__NR_rt_sigreturn, %eax
signal_return_trap_syscall:
	syscall
	ud2
signal_return_end:
	.size	signal_restorer, . - signal_restorer

/*
 * clone_task(flags, child stack top, parent tid, child tid, tls, function(argument), argument): the child calls the function on its
 * new stack and never comes back. Returns the tid or a negative errno in the parent.
 */
	.globl	clone_task
	.type	clone_task, @function
clone_task:
	and	$-16, %rsi
	mov	8(%rsp), %rax		/* argument */
	mov	%rax, -8(%rsi)
	mov	%r9, -16(%rsi)
	sub	$16, %rsi
	mov	%rcx, %r10
	mov	$__NR_clone, %eax
	syscall
	test	%eax, %eax
	jz	1f
	ret
1:	xor	%ebp, %ebp
	pop	%rax
	pop	%rdi
	call	*%rax
	ud2
	.size	clone_task, . - clone_task

/*
 * thread_leave_now(word, bit, status): clear the block's bit, after which the stack is another's, and end. No stack from there.
 */
	.globl	thread_leave_now
	.type	thread_leave_now, @function
thread_leave_now:
	mov	%rdi, %rcx
	mov	%edx, %edi
	lock btrq %rsi, (%rcx)
	mov	$__NR_exit, %eax
	syscall
	ud2
	.size	thread_leave_now, . - thread_leave_now

/* thread_kill_now(word, bit): the same, but the filter kills the task: no other call comes from here. */
	.globl	thread_kill_now, thread_kill_syscall
	.type	thread_kill_now, @function
	.type	thread_kill_syscall, @function
thread_kill_now:
	lock btrq %rsi, (%rdi)
	mov	$__NR_rt_sigreturn, %eax
thread_kill_syscall:
	syscall
	ud2
	.size	thread_kill_now, . - thread_kill_now

/*
 * Calls that must be made on the guest's own context, since they may wait and signals must arrive meanwhile. The handler lays
 * words on the guest's stack below its red zone and sends it here; the stubs make the call and go back behind the guest's own
 * `syscall`, with all registers as that would leave them (rcx = return address).
 *
 *   stub_call:     [rsp] return address                                                 as it was called
 *   stub_call_judged: the same, and the guest's seccomp filters judge it as one of the guest's (bpf.h)
 *   stub_call_r10: [rsp] return address, guest's r10                                    argument 4 was exchanged
 *   stub_call_r8:  [rsp] return address, guest's r8                                     argument 5
 *   stub_call_r9:  [rsp] return address, guest's r9                                     argument 6
 *   stub_call_rdi: [rsp] return address, guest's rdi                                    argument 1
 * Each is STUB_SIZE (stub.h) below the guest's stack pointer.
 */
#define STUB_SIZE 192
	.macro	stub name, register
	.globl	\name
	.type	\name, @function
\name:
	syscall
	.ifnb	\register
	mov	8(%rsp), %\register
	.endif
	mov	(%rsp), %rcx
	lea	STUB_SIZE(%rsp), %rsp
	jmp	*%rcx
	.size	\name, . - \name
	.endm

	stub	stub_call
	stub	stub_call_judged
	stub	stub_call_r10, r10
	stub	stub_call_r8, r8
	stub	stub_call_r9, r9
	stub	stub_call_rdi, rdi

/*
 * A call from a patched site (fast.h). rcx: the address behind the site's syscall; r11 is free, as the syscall would clobber both.
 * All other registers are the guest's, and the stack too, until fast_switch. Labels are what fast_signal() goes by.
 */
	.globl	fast_entry, fast_switch, fast_leave, fast_pass, fast_leave_end, fast_refuse, fast_refuse_end
	.type	fast_entry, @function
	.balign	64
fast_entry:
	rdgsbase %r11
	shr	$32, %r11
	cmp	$FAST_BLOCKS, %r11d
	jne	fast_refuse
	mov	%rdi, %gs:FAST_RDI
	mov	%rsi, %gs:FAST_RSI
	mov	%rdx, %gs:FAST_RDX
	mov	%r10, %gs:FAST_R10
	mov	%r8, %gs:FAST_R8
	mov	%r9, %gs:FAST_R9
	mov	%rax, %gs:FAST_RAX
	mov	%rsp, %gs:FAST_RSP
	mov	%rcx, %gs:FAST_RIP
	mov	%rbx, %gs:FAST_RBX
	mov	%rbp, %gs:FAST_RBP
	mov	%r12, %gs:FAST_R12
	mov	%r13, %gs:FAST_R13
	mov	%r14, %gs:FAST_R14
	mov	%r15, %gs:FAST_R15
	movl	$1, %gs:FAST_ACTIVE
fast_switch:
	mov	%gs:FAST_TOP, %rsp
	rdgsbase %rdi
	call	fast_call
fast_done:
	movl	$0, %gs:FAST_ACTIVE
fast_leave:
	cmpl	$0, %gs:FAST_DEFERRED
	jne	3f
1:	test	%eax, %eax
	mov	%gs:FAST_RDI, %rdi
	mov	%gs:FAST_RDX, %rdx
	mov	%gs:FAST_R10, %r10
	mov	%gs:FAST_R8, %r8
	mov	%gs:FAST_R9, %r9
	mov	%gs:FAST_RAX, %rax
	mov	%gs:FAST_RSP, %rsp
	jnz	2f
	mov	%gs:FAST_RSI, %rsi
	mov	%gs:FAST_RIP, %rcx
	jmp	*%rcx
3:	push	%rax
	push	%rax
	let_come
	pop	%rax
	pop	%rax
	jmp	1b
2:	mov	%gs:FAST_PASS_RSI, %rsi	/* the guest's own call, by the kernel, on its own context */
fast_pass:
	syscall
	mov	%gs:FAST_RSI, %rsi
	mov	%gs:FAST_RIP, %rcx
	lea	2(%rcx), %rcx
	jmp	*%rcx
fast_leave_end:
	.size	fast_entry, . - fast_entry

/* The first steps of a new task in guest code: its creator's call has returned 0 to it. `active` is set. */
	.globl	fast_child
	.type	fast_child, @function
fast_child:
	mov	%gs:FAST_TOP, %rsp
	mov	%gs:FAST_RBX, %rbx
	mov	%gs:FAST_RBP, %rbp
	mov	%gs:FAST_R12, %r12
	mov	%gs:FAST_R13, %r13
	mov	%gs:FAST_R14, %r14
	mov	%gs:FAST_R15, %r15
	xor	%eax, %eax
	jmp	fast_done
	.size	fast_child, . - fast_child

/* Not here: back to the site's own syscall, which is trapped. */
	.type	fast_refuse, @function
fast_refuse:
	lea	-2(%rcx), %r11
	jmp	*%r11
fast_refuse_end:
	.size	fast_refuse, . - fast_refuse

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where control enters and leaves the runtime in ways that C cannot say.
 *
 * Kernel's calling rules: syscall number rax, arguments rdi rsi rdx r10 r8 r9; clobbers rcx r11.
 */
#include <asm/unistd.h>

	.text

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

/* mov $15, %rax; syscall - in the long form, which libgcc and gdb look for. */
	.globl	signal_restorer, signal_restorer_syscall
	.type	signal_restorer, @function
	.type	signal_restorer_syscall, @function
	.balign	16
signal_restorer:
	.byte	0x48, 0xc7, 0xc0, __NR_rt_sigreturn, 0, 0, 0
signal_restorer_syscall:
	syscall
	ud2
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

/*
 * Calls that must be made on the guest's own context, since they may wait and signals must arrive meanwhile. The handler lays
 * words on the guest's stack below its red zone and sends it here; the stubs make the call and go back behind the guest's own
 * `syscall`, with all registers as that would leave them (rcx = return address).
 *
 *   stub_call:     [rsp] return address                                                 as it was called
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
	stub	stub_call_r10, r10
	stub	stub_call_r8, r8
	stub	stub_call_r9, r9
	stub	stub_call_rdi, rdi

	.section .note.GNU-stack, "", @progbits

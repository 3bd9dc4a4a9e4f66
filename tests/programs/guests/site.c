/* SPDX-License-Identifier: MIT */
/* site - a library with system calls of its own: what Tulou may patch, and what it must not. */
#include "site.h"

#include <sys/syscall.h>

/* number, one move between, syscall */
__asm__(".globl site_msync\n.type site_msync,@function\nsite_msync:\n"
	".cfi_startproc\n"
	"	mov $26, %eax\n"
	".globl site_msync_behind\nsite_msync_behind:\n"
	"	xor %edx, %edx\n"
	".globl site_msync_syscall\nsite_msync_syscall:\n"
	"	syscall\n"
	"	ret\n"
	".cfi_endproc\n.size site_msync, .-site_msync\n");

/* b8 is the displacement of an instruction here: movl $26,-0x48(%rsp); the number comes from elsewhere */
__asm__(".globl site_hidden\n.type site_hidden,@function\nsite_hidden:\n"
	".cfi_startproc\n"
	"	mov $26, %eax\n"
	"	xor %edx, %edx\n"
	"	jmp 1f\n"
	"	nop\n"
	"1:	movl $26, -0x48(%rsp)\n"
	"	syscall\n"
	"	ret\n"
	".cfi_endproc\n.size site_hidden, .-site_hidden\n");

/* the flags live over the call */
__asm__(".globl site_flags\n.type site_flags,@function\nsite_flags:\n"
	".cfi_startproc\n"
	"	xor %edx, %edx\n"
	"	stc\n"
	"	mov $26, %eax\n"
	"	syscall\n"
	"	sbb %rax, %rax\n"
	"	ret\n"
	".cfi_endproc\n.size site_flags, .-site_flags\n");

/* SPDX-License-Identifier: MIT */
/*
 * cpuid.S - look eax and ecx up in the tables of cpuid.c. rbx: where to go on; rdx is free.
 *
 * Neither flags nor stack: comparing is adding the complement and 1, which makes 0 of what is equal, and bswap brings 32 bits
 * above.
 */
#include "runtime/trap/cpuid.h"

	.text
	.globl	cpuid_answer, cpuid_search, cpuid_unknown, cpuid_unknown_leave, cpuid_found, cpuid_packed, cpuid_end
	.type	cpuid_answer, @function
	.balign	16
cpuid_answer:				/* eax, ecx: as the guest set them */
	mov	%ecx, %edx
	mov	%eax, %eax
	bswap	%rdx
	lea	(%rax, %rdx), %rax
cpuid_search:				/* rax: leaf, and above it the sub-leaf turned round */
	lea	cpuid_leaves(%rip), %rdx
1:	mov	(%rdx), %ecx
	jrcxz	2f
	lea	1(%rcx, %rax), %ecx
	jrcxz	cpuid_found
	lea	KNOWN_SIZE(%rdx), %rdx
	jmp	1b
2:	lea	cpuid_subleaves(%rip), %rdx
3:	mov	(%rdx), %rcx
	jrcxz	cpuid_unknown
	lea	1(%rcx, %rax), %rcx
	jrcxz	cpuid_found
	lea	KNOWN_SIZE(%rdx), %rdx
	jmp	3b
cpuid_unknown:
	mov	%rax, %rcx
	bswap	%rcx
	lea	CPUID_UNKNOWN(%rbx), %rbx
cpuid_unknown_leave:
	jmp	*%rbx
cpuid_found:				/* rdx: struct cpuid_known */
	mov	KNOWN_COUNT(%rdx), %rcx	/* of several threads at once one may be lost */
	lea	1(%rcx), %rcx
	mov	%rcx, KNOWN_COUNT(%rdx)
	mov	KNOWN_EAX(%rdx), %eax
	mov	KNOWN_ECX(%rdx), %ecx
	mov	KNOWN_EBX(%rdx), %rdx
cpuid_packed:				/* rdx: ebx, and edx above */
	jmp	*%rbx
cpuid_end:
	.size	cpuid_answer, . - cpuid_answer

	.section .note.GNU-stack, "", @progbits

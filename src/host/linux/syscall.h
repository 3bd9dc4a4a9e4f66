/* SPDX-License-Identifier: MIT */
/*
 * syscall.h - raw Linux system calls for code without libc. Results are the kernel's: a value >= 0 or a negative errno.
 * Safe in signal handlers; touches no thread-local storage, no errno. Numbers come from the kernel's own <asm/unistd.h>.
 */
#ifndef TULOU_HOST_LINUX_SYSCALL_H
#define TULOU_HOST_LINUX_SYSCALL_H

#include <asm/unistd.h>

/* Numbers that the headers of Linux 6.1 lack. */
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long sys5(long nr, long a, long b, long c, long d, long e)
{
	return sys6(nr, a, b, c, d, e, 0);
}

static inline long sys4(long nr, long a, long b, long c, long d)
{
	return sys6(nr, a, b, c, d, 0, 0);
}

static inline long sys3(long nr, long a, long b, long c)
{
	return sys6(nr, a, b, c, 0, 0, 0);
}

static inline long sys2(long nr, long a, long b)
{
	return sys6(nr, a, b, 0, 0, 0, 0);
}

static inline long sys1(long nr, long a)
{
	return sys6(nr, a, 0, 0, 0, 0, 0);
}

static inline long sys0(long nr)
{
	return sys6(nr, 0, 0, 0, 0, 0, 0);
}

#endif

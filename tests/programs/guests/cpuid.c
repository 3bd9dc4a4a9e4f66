/* SPDX-License-Identifier: MIT */
/*
 * cpuid - what the processor says of itself, as the dynamic linker has asked it.
 *
 *     cpuid often COUNT PROGRAM ARGS…   the program COUNT times, one after the other
 *     cpuid spoil COUNT PROGRAM         the same, then once with an argument, all of that twice
 *     cpuid features                    what glibc knows
 *     cpuid faulting                    cpuid that is SIGSEGV, where the kernel has it; not any more after execve
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/platform/x86.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;

static void often(int count, char **argv)
{
	for (int i = 0; i < count; i++) {
		pid_t pid;
		int status;

		EXPECT(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0);
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

static void spoil(int count, char **argv)
{
	char *once[] = {argv[0], "spoil", NULL};

	for (int i = 0; i < 2; i++) {
		often(count, argv);
		often(1, once);
	}
}

static void features(void)
{
	for (unsigned i = 0; i < CPUID_INDEX_14_ECX_0 + 1; i++) {
		const struct cpuid_feature *f = __x86_get_cpuid_feature_leaf(i);

		/* the processor's APIC id */
		unsigned mask = i == CPUID_INDEX_1 ? 0xffffff : ~0u;
		printf("%u: %08x %08x %08x %08x, active %08x %08x %08x %08x\n", i, f->cpuid_array[0], f->cpuid_array[1] & mask,
			f->cpuid_array[2], f->cpuid_array[3], f->active_array[0], f->active_array[1] & mask, f->active_array[2],
			f->active_array[3]);
	}
	for (int name = _SC_LEVEL1_ICACHE_SIZE; name <= _SC_LEVEL4_CACHE_LINESIZE; name++)
		printf("%ld ", sysconf(name));
	printf("\n");
}

static sigjmp_buf back;

static void fault(int signo)
{
	siglongjmp(back, signo);
}

static void faulting(void)
{
	unsigned a, b, c, d;
	long allowed = syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0), result = syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);

	printf("%ld, %ld %s\n", allowed, result, result ? strerror(errno) : "");
	fflush(stdout);
	if (result)
		return;
	signal(SIGSEGV, fault);
	if (!sigsetjmp(back, 1)) {
		__cpuid(0, a, b, c, d);
		EXPECT(!"cpuid does not fault");
	}
	execl("/proc/self/exe", "cpuid", "features", (char *)NULL);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "often"))
		often(atoi(argv[2]), argv + 3);
	else if (argc == 4 && !strcmp(argv[1], "spoil"))
		spoil(atoi(argv[2]), argv + 3);
	else if (argc == 2 && !strcmp(argv[1], "features"))
		features();
	else if (argc == 2 && !strcmp(argv[1], "faulting"))
		faulting();
	else
		return 2;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* kernel_exec.h - ask the kernel itself: what does a real execveat(2) of this file do? */
#ifndef TULOU_TESTS_ELF_KERNEL_EXEC_H
#define TULOU_TESTS_ELF_KERNEL_EXEC_H

enum {
	KERNEL_RUNS = 0, /* the program was entered (it is killed before its first instruction) */
	KERNEL_KILLS = 1000, /* past the point of no return, then killed */
};

/* KERNEL_RUNS, KERNEL_KILLS, or a negative errno. In a child; argv is { "zero", "one", NULL }, envp is empty. */
long kernel_exec(int dirfd, const char *path, int flags);

/* The same with execve(path, argv, envp); when the program was entered, `look` may look at it (/proc/PID/mem …) before its first
 * instruction, with its stack pointer. */
long kernel_exec_look(const char *path, const char *const *argv, const char *const *envp,
	void (*look)(void *arg, int pid, unsigned long sp), void *arg);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * filter.h - for programs that install seccomp filters and say what becomes of them. What is not used is no fault: every function is inline.
 */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

#define COUNT(array)        (sizeof(array) / sizeof((array)[0]))
#define LOAD(member)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IS(value)           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define ANSWER(what)        BPF_STMT(BPF_RET | BPF_K, what)
#define INSTALL(flags, ...) install_code(flags, (struct sock_filter[]){__VA_ARGS__}, COUNT(((struct sock_filter[]){__VA_ARGS__})))

static inline long install_code(unsigned flags, struct sock_filter *code, size_t count)
{
	struct sock_fprog program = {.len = (unsigned short)count, .filter = code};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* One number is answered so, all others are allowed. */
static inline void install(int nr, unsigned answer)
{
	EXPECT(INSTALL(0, LOAD(nr), IS((unsigned)nr), ANSWER(answer), ANSWER(SECCOMP_RET_ALLOW)) == 0);
}

static inline void say_status(const char *what, int status)
{
	if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", what, WTERMSIG(status));
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

/* The function in a child, which ends with what it returns. */
static inline void in_child(const char *what, int (*function)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(function());
	EXPECT(waitpid(child, &status, 0) == child);
	say_status(what, status);
}

static inline void say_result(const char *what, long result)
{
	int error = errno;

	if (result == -1)
		printf("%s: errno %d\n", what, error);
	else
		printf("%s: %s\n", what, result > 100000 ? "an address" : result ? "a number" : "0");
}

static inline void handle(int signo, void (*function)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO | flags};

	EXPECT(sigaction(signo, &action, NULL) == 0);
}

#endif

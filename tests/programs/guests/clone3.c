/* SPDX-License-Identifier: MIT */
/*
 * clone3 - the call itself, which libc falls back from when it is missing: errors in the kernel's order, copies of the address space,
 * tasks that share it, threads; pidfds, tids, exit signals, cleared handlers.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "expect.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif

enum { STACK = 65536, PAGE = 4096 };

static int child_word, signals_seen;
static char stack[STACK] __attribute__((aligned(16)));

/* The child calls `function` and exits with what it returns. */
static long clone3(struct clone_args *args, size_t size, int (*function)(void))
{
	register int (*target)(void) __asm__("r12") = function;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov $60, %%eax\n\t" /* exit */
			 "syscall\n\t"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(args), "S"(size), "r"(target)
			 : "rcx", "r11", "memory");
	return result;
}

static void show(const char *what, long result)
{
	printf("%-40s %s\n", what, result < 0 ? strerrorname_np((int)-result) : "done");
}

static int never(void)
{
	return 1;
}

static void errors(void)
{
	struct {
		struct clone_args args;
		uint64_t more[20];
	} big = {.args = {.exit_signal = SIGCHLD}};
	struct clone_args args = {.exit_signal = SIGCHLD};

	show("size 0", clone3(&args, 0, never));
	show("size 63", clone3(&args, CLONE_ARGS_SIZE_VER0 - 1, never));
	show("size above a page", clone3(&args, PAGE + 1, never));
	show("no structure", clone3(NULL, sizeof args, never));
	big.more[17] = 1;
	show("something behind it", clone3(&big.args, sizeof big, never));
	args.exit_signal = 65;
	show("exit signal 65", clone3(&args, sizeof args, never));
	args = (struct clone_args){.flags = 1ull << 60};
	show("unknown flag", clone3(&args, sizeof args, never));
	args = (struct clone_args){.flags = SIGCHLD};
	show("exit signal in the flags", clone3(&args, sizeof args, never));
	args = (struct clone_args){.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND};
	show("handlers both shared and cleared", clone3(&args, sizeof args, never));
	args = (struct clone_args){.stack = (uintptr_t)stack};
	show("stack without size", clone3(&args, sizeof args, never));
	args = (struct clone_args){.stack_size = STACK};
	show("size without stack", clone3(&args, sizeof args, never));
	args = (struct clone_args){.set_tid_size = 1};
	show("tids without list", clone3(&args, sizeof args, never));
	args = (struct clone_args){.flags = CLONE_THREAD};
	show("thread that shares nothing", clone3(&args, sizeof args, never));
	args = (struct clone_args){.flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, .exit_signal = SIGCHLD};
	show("thread with exit signal", clone3(&args, sizeof args, never));
	show("clone: pidfd and tid in one word",
		syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &child_word) < 0 ? -errno : 0);
}

static void handler(int number)
{
	(void)number;
	signals_seen++;
}

static int look(void)
{
	struct sigaction usr1, hup;

	EXPECT(sigaction(SIGUSR1, NULL, &usr1) == 0 && sigaction(SIGHUP, NULL, &hup) == 0);
	child_word = getpid();
	return (usr1.sa_handler == SIG_DFL ? 1 : 0) | (hup.sa_handler == SIG_IGN ? 2 : 0);
}

static void child(const char *what, struct clone_args args)
{
	int pidfd = -1, status;
	unsigned parent_tid = 0;
	siginfo_t info = {0};
	struct pollfd wait = {.events = POLLIN};
	long pid;

	args.flags |= CLONE_PIDFD | CLONE_PARENT_SETTID;
	args.pidfd = (uintptr_t)&pidfd;
	args.parent_tid = (uintptr_t)&parent_tid;
	child_word = 0;
	pid = clone3(&args, sizeof args, look);
	EXPECT(pid > 0 && parent_tid == (unsigned)pid && pidfd >= 0);
	wait.fd = pidfd;
	EXPECT(poll(&wait, 1, -1) == 1);
	EXPECT(waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOWAIT | __WALL) == 0 && info.si_pid == pid);
	EXPECT(waitpid((pid_t)pid, &status, __WALL) == pid && WIFEXITED(status));
	printf("%s: handlers %d, word %s, signals %d\n", what, WEXITSTATUS(status),
		child_word == pid ? "the child's" : "untouched", signals_seen);
	close(pidfd);
}

static void children(void)
{
	struct clone_args copy = {.exit_signal = SIGCHLD};
	struct clone_args shared = {.flags = CLONE_VM, .exit_signal = SIGCHLD, .stack = (uintptr_t)stack, .stack_size = STACK};

	EXPECT(signal(SIGUSR1, handler) != SIG_ERR && signal(SIGUSR2, handler) != SIG_ERR && signal(SIGHUP, SIG_IGN) != SIG_ERR);
	child("copy", copy);
	copy.exit_signal = SIGUSR2;
	child("copy, SIGUSR2 at the end", copy);
	copy.exit_signal = 0;
	child("copy, no signal", copy);
	copy.flags = CLONE_CLEAR_SIGHAND;
	child("copy, handlers cleared", copy);
	copy.flags = 0;
	copy.stack = (uintptr_t)stack;
	copy.stack_size = STACK;
	child("copy with a stack", copy);
	child("shared", shared);
	shared.flags |= CLONE_VFORK;
	child("vfork", shared);
	shared.flags |= CLONE_CLEAR_SIGHAND;
	child("vfork, handlers cleared", shared);
	EXPECT(raise(SIGUSR1) == 0);
	printf("own handler: signals %d\n", signals_seen);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	errors();
	children();
}

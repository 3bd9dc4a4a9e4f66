/* SPDX-License-Identifier: MIT */
#include "elf/kernel_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
	int dirfd, flags;
	const char *path;
	const char *const *argv, *const *envp;
	void (*look)(void *arg, int pid, unsigned long sp);
	void *arg;
};

static void child(int report, const struct request *r)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
		_exit(98);
	syscall(SYS_execveat, r->dirfd, r->path, r->argv, r->envp, r->flags);
	int error = errno;
	_exit(write(report, &error, sizeof(error)) == sizeof(error) ? 0 : 97);
}

static void stopped_look(const struct request *r, pid_t pid)
{
	struct user_regs_struct regs;
	if (!r->look)
		return;
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0)
		exit(93);
	r->look(r->arg, pid, regs.rsp);
}

static long ask(const struct request *r)
{
	int report[2], status, error = 0;
	if (pipe2(report, O_CLOEXEC) != 0)
		exit(96);
	pid_t pid = fork();
	if (pid == 0)
		child(report[1], r);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(95);
	/* A traced task stops with SIGTRAP when its execve has succeeded, with the deadly signal when it is past saving. */
	bool stopped = WIFSTOPPED(status), entered = stopped && WSTOPSIG(status) == SIGTRAP;
	if (entered)
		stopped_look(r, pid);
	if (stopped) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(report[1]);
	long got = read(report[0], &error, sizeof(error));
	close(report[0]);
	if (stopped)
		return entered ? KERNEL_RUNS : KERNEL_KILLS;
	if (WIFSIGNALED(status))
		return KERNEL_KILLS;
	if (got != sizeof(error)) {
		fprintf(stderr, "kernel_exec: the child could not ask (status %#x)\n", (unsigned)status);
		exit(94);
	}
	return -error;
}

long kernel_exec(int dirfd, const char *path, int flags)
{
	static const char *const argv[] = {"zero", "one", NULL}, *const envp[] = {NULL};
	return ask(&(struct request){.dirfd = dirfd, .flags = flags, .path = path, .argv = argv, .envp = envp});
}

long kernel_exec_look(const char *path, const char *const *argv, const char *const *envp,
	void (*look)(void *arg, int pid, unsigned long sp), void *arg)
{
	return ask(&(struct request){.dirfd = AT_FDCWD, .path = path, .argv = argv, .envp = envp, .look = look, .arg = arg});
}

/* SPDX-License-Identifier: MIT */
/*
 * process_rules - rules of calls about processes, one by one: groups of children that have executed, programs that are open for writing,
 * what sigaction, brk, prctl and /proc read back.
 *
 *     process_rules DIRECTORY    a directory to write in
 *     process_rules sleep|exit   what a child executes
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

#define SAY(call) (errno = 0, say(#call, (long)(call)))

static char *self;

static void say(const char *call, long result)
{
	printf("%s = %ld %s\n", call, result, result == -1 ? strerrorname_np(errno) : "");
}

/* ---- groups --------------------------------------------------------------------------------------------------------------------- */

static void end(pid_t pid)
{
	EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* The child has executed when its end of the pipe, close-on-exec, is closed. */
static pid_t start(bool vforks)
{
	char *const words[] = {self, "sleep", NULL};
	char none;
	int ends[2];
	pid_t pid;

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	pid = vforks ? vfork() : fork();
	if (pid == 0) {
		execv(self, words);
		_exit(1);
	}
	close(ends[1]);
	EXPECT(pid > 0 && read(ends[0], &none, 1) == 0);
	close(ends[0]);
	return pid;
}

static void groups(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	SAY(setpgid(child, child));
	SAY(setpgid(child, getpgrp()));
	end(child);
	for (int vforks = 0; vforks < 2; vforks++) {
		child = start(vforks);
		SAY(setpgid(child, child));
		SAY(setpgid(child, getpgrp()));
		SAY(setpgid(child, -1));
		SAY(setpgid(getpid(), 0));
		end(child);
		SAY(setpgid(child, child));
	}
	SAY(setpgid(1, 1));
}

/* ---- programs that are open for writing --------------------------------------------------------------------------------------------- */

static void copy_to(const char *name)
{
	static char buffer[1 << 16];
	int from = open(self, O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t size;

	EXPECT(from >= 0 && to >= 0);
	while ((size = read(from, buffer, sizeof buffer)) > 0)
		EXPECT(write(to, buffer, (size_t)size) == size);
	EXPECT(close(from) == 0 && close(to) == 0);
}

static int run(const char *path)
{
	char *const words[] = {(char *)path, "exit", NULL};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execv(path, words);
		_exit(errno);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void busy(void)
{
	int writer, script;

	copy_to("busy");
	script = open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	EXPECT(script >= 0 && write(script, "#!busy exit\n", 12) == 12);
	SAY(run("./script"));
	close(script);
	SAY(run("./script"));
	writer = open("busy", O_WRONLY);
	EXPECT(writer >= 0);
	SAY(run("./busy"));
	SAY(run("./script"));
	close(writer);
	SAY(run("./busy"));
	SAY(open("/proc/self/exe", O_WRONLY));
	SAY(open("/proc/self/exe", O_RDONLY | O_TRUNC));
}

/* ---- what is read back ------------------------------------------------------------------------------------------------------------ */

static void actions(void)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {SIG_IGN, ~0ul, NULL, ~0ul};

	SAY(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8L));
	SAY(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &action, 8L));
	printf("flags %lx mask %lx\n", action.flags, action.mask);
	signal(SIGUSR1, SIG_DFL);
}

static void no_data(void)
{
	struct rlimit limit, none;
	char *top = sbrk(0);

	EXPECT(getrlimit(RLIMIT_DATA, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	SAY(setrlimit(RLIMIT_DATA, &none));
	SAY(brk(top + 1));
	SAY(brk(top + 8192));
	SAY(brk(top - 1));
	SAY(sbrk(0) == (void *)top);
	SAY(setrlimit(RLIMIT_DATA, &limit));
	SAY(brk(top + 8192));
}

static void show_lines(const char *file, const char *start)
{
	char line[400];
	FILE *lines = fopen(file, "r");

	EXPECT(lines);
	while (fgets(line, sizeof line, lines))
		if (strncmp(line, start, strlen(start)) == 0)
			fputs(line, stdout);
	fclose(lines);
}

static void filters(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &allow};

	for (int installed = 0; installed < 3; installed++) {
		SAY(prctl(PR_GET_SECCOMP));
		show_lines("/proc/self/status", "Seccomp");
		SAY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	}
}

static void modes(void)
{
	static const char *const files[] = {"maps", "status", "environ", "auxv", "cmdline"};
	struct stat status;
	char name[40];

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int file;

		snprintf(name, sizeof name, "/proc/self/%s", files[i]);
		file = open(name, O_RDONLY);
		EXPECT(file >= 0 && fstat(file, &status) == 0);
		printf("%s %o\n", name, status.st_mode);
		close(file);
	}
}

/* A title that is longer than the words: into the environment, up to its first NUL. */
static void title(char **argv)
{
	char text[400] = "";
	int file;

	memset(argv[0], 't', strlen(argv[0]) + strlen(argv[1]) + 2 + 3);
	file = open("/proc/self/cmdline", O_RDONLY);
	EXPECT(file >= 0 && read(file, text, sizeof text - 1) > 0);
	printf("title: %zu more than the words, end '%s'\n", strlen(text) - strspn(text, "t"), text + strspn(text, "t"));
	close(file);
}

int main(int argc, char **argv)
{
	EXPECT(argc >= 2);
	self = realpath("/proc/self/exe", NULL);
	EXPECT(self);
	if (strcmp(argv[1], "sleep") == 0)
		return pause();
	if (strcmp(argv[1], "exit") == 0)
		return 0;
	EXPECT(chdir(argv[1]) == 0);
	groups();
	busy();
	actions();
	no_data();
	filters();
	modes();
	title(argv);
	return 0;
}

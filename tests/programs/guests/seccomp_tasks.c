/* SPDX-License-Identifier: MIT */
/* seccomp_tasks - who has a filter: threads, children, the program after execve; and who is asked by it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "filter.h"

extern char **environ;
static char self[4096]; /* its own path */

/* As systemd's MemoryDenyWriteExecute=: by an argument, in both halves. */
static int by_argument(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3), LOAD(args[2]),
		       BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EPERM),
		       ANSWER(SECCOMP_RET_ALLOW)) == 0);
	for (int i = 0; i < 40; i++) {
		EXPECT(mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM);
		EXPECT(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
		page[i] = 1;
	}
	free(malloc(1 << 20));
	return 5;
}

/* ---- threads -------------------------------------------------------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static long tried;

static void *try_brk(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* the other installs it in between */
	errno = 0;
	tried = syscall(SYS_brk, 0) == -1 ? errno : 0;
	return NULL;
}

static int with_thread(unsigned flags)
{
	pthread_t thread;

	EXPECT(pthread_barrier_init(&barrier, NULL, 2) == 0 && pthread_create(&thread, NULL, try_brk, NULL) == 0);
	pthread_barrier_wait(&barrier);
	EXPECT(INSTALL(flags, LOAD(nr), IS(SYS_brk), ANSWER(SECCOMP_RET_ERRNO | ENOTTY), ANSWER(SECCOMP_RET_ALLOW)) == 0);
	pthread_barrier_wait(&barrier);
	EXPECT(pthread_join(thread, NULL) == 0);
	printf("the other thread, flags %u: %ld\n", flags, tried);
	EXPECT(pthread_barrier_destroy(&barrier) == 0 && pthread_barrier_init(&barrier, NULL, 1) == 0);
	EXPECT(pthread_create(&thread, NULL, try_brk, NULL) == 0 && pthread_join(thread, NULL) == 0);
	printf("one that is made later: %ld\n", tried);
	return 0;
}

static int own_filter(void)
{
	return with_thread(0);
}

static int synchronised(void)
{
	return with_thread(SECCOMP_FILTER_FLAG_TSYNC);
}

static void *diverge(void *unused)
{
	(void)unused;
	install(SYS_getppid, SECCOMP_RET_ERRNO | 1);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* A thread that has another filter cannot follow: nothing changes for anybody. */
static int diverged(void)
{
	pthread_t thread;
	long result;

	EXPECT(pthread_barrier_init(&barrier, NULL, 2) == 0 && pthread_create(&thread, NULL, diverge, NULL) == 0);
	pthread_barrier_wait(&barrier);
	result = INSTALL(
		SECCOMP_FILTER_FLAG_TSYNC, LOAD(nr), IS(SYS_brk), ANSWER(SECCOMP_RET_ERRNO | 1), ANSWER(SECCOMP_RET_ALLOW));
	printf("diverged: %s\n", result > 0 && result != getpid() ? "a thread" : "?");
	say_result("brk", syscall(SYS_brk, 0));
	pthread_barrier_wait(&barrier);
	EXPECT(pthread_join(thread, NULL) == 0);
	return 0;
}

static void *die_alone(void *unused)
{
	(void)unused;
	install(SYS_brk, SECCOMP_RET_KILL_THREAD);
	syscall(SYS_brk, 0);
	return NULL;
}

static void *exec_self(void *unused)
{
	(void)unused;
	install(SYS_mremap, SECCOMP_RET_ERRNO | ENOTTY);
	execl(self, self, "inherited", NULL);
	_exit(98);
}

/* The others go on when one is killed. */
static int killed_thread(void)
{
	pthread_t thread;

	for (int i = 0; i < 20; i++)
		EXPECT(pthread_create(&thread, NULL, die_alone, NULL) == 0 && pthread_join(thread, NULL) == 0);
	say_result("the process", syscall(SYS_brk, 0));
	execl(self, self, "nothing", NULL);
	return 9;
}

static int exec_by_thread(void)
{
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, exec_self, NULL) == 0);
	pause();
	return 1;
}

static int killed_leader_waits;

static void *outlive(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&killed_leader_waits, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(200000);
	free(malloc(1 << 20));
	puts("outlived the leader");
	fflush(stdout);
	_exit(12);
}

static int killed_leader(void)
{
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, outlive, NULL) == 0);
	__atomic_store_n(&killed_leader_waits, 1, __ATOMIC_RELEASE);
	die_alone(NULL);
	return 1;
}

/* ---- children and execve -------------------------------------------------------------------------------------------------------------------- */

static int inherited(void)
{
	char *const words[] = {self, "inherited", NULL};
	int status;
	pid_t child;

	install(SYS_mremap, SECCOMP_RET_ERRNO | ENOTTY);
	in_child("child", by_argument);
	EXPECT(posix_spawn(&child, self, NULL, NULL, words, environ) == 0 && waitpid(child, &status, 0) == child);
	say_status("spawned", status);
	execv(self, words);
	return 1;
}

static int show_inherited(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	EXPECT(file);
	while (fgets(line, sizeof line, file))
		if (!strncmp(line, "Seccomp", 7))
			fputs(line, stdout);
	fclose(file);
	say_result("mremap", (long)mremap(&line, 4096, 4096, 0));
	return 4;
}

/* ---- listeners ------------------------------------------------------------------------------------------------------------------------------------ */

static int listener;

static void *notified(void *unused)
{
	int fd;

	(void)unused;
	listener = (int)INSTALL(SECCOMP_FILTER_FLAG_NEW_LISTENER, LOAD(nr), IS(SYS_getppid), ANSWER(SECCOMP_RET_USER_NOTIF),
		IS(SYS_openat), ANSWER(SECCOMP_RET_USER_NOTIF), ANSWER(SECCOMP_RET_ALLOW));
	EXPECT(listener >= 0);
	pthread_barrier_wait(&barrier);
	printf("getppid: %ld\n", syscall(SYS_getppid));
	say_result("openat, refused", open("/dev/null", O_RDONLY));
	fd = open("/dev/zero", O_RDONLY);
	printf("openat, continued: %d\n", fd >= 0);
	free(malloc(1 << 20));
	return NULL;
}

static void answer_one(int error, long value, unsigned flags)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {.error = error, .val = value, .flags = flags};

	EXPECT(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0);
	printf("asked for %d, arch %x\n", request.data.nr, request.data.arch);
	response.id = request.id;
	EXPECT(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0);
}

static int listened(void)
{
	pthread_t thread;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* it opens nothing, and threads print in turns */
	EXPECT(pthread_barrier_init(&barrier, NULL, 2) == 0 && pthread_create(&thread, NULL, notified, NULL) == 0);
	pthread_barrier_wait(&barrier);
	answer_one(0, 77, 0);
	answer_one(-ENOTTY, 0, 0);
	answer_one(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	EXPECT(pthread_join(thread, NULL) == 0);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	EXPECT(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		return strcmp(argv[1], "inherited") ? 3 : show_inherited();
	in_child("by argument", by_argument);
	in_child("own filter", own_filter);
	in_child("synchronised", synchronised);
	in_child("diverged", diverged);
	in_child("killed threads", killed_thread);
	in_child("killed leader", killed_leader);
	in_child("inherited", inherited);
	in_child("execve by a thread", exec_by_thread);
	in_child("listened", listened);
	return 0;
}

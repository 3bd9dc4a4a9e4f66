/* SPDX-License-Identifier: MIT */
/*
 * file_kinds - mmap of every kind of descriptor, memfd with seals, POSIX shared memory in several processes, and what the kernel says
 * about memory policies. Every answer is printed, since it is compared with the native run's.
 *
 *     file_kinds [shm NAME]     the second form is the spawned process: it looks at the object and adds to it
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/memfd.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;

enum { PAGE = 4096, PAGES = 4, HUGE = 2 << 20 };

static void answer(const char *what, void *got)
{
	printf("%-28s %s\n", what, got == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	if (got != MAP_FAILED)
		EXPECT(munmap(got, PAGE) == 0);
}

/* Private, shared, shared for reading only. */
static void kind(const char *name, int fd)
{
	static const struct {
		const char *name;
		int flags, prot;
	} ways[] = {
		{"private", MAP_PRIVATE, PROT_READ | PROT_WRITE},
		{"shared", MAP_SHARED, PROT_READ | PROT_WRITE},
		{"shared, read", MAP_SHARED, PROT_READ},
		{"private, execute", MAP_PRIVATE, PROT_READ | PROT_EXEC},
	};
	char what[80];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(what, sizeof(what), "%s, %s", name, ways[i].name);
		answer(what, mmap(NULL, PAGE, ways[i].prot, ways[i].flags, fd, 0));
	}
	if (fd >= 0)
		close(fd);
}

/* MAP_SYNC beside what is wrong in another way: whether the file's system knows it shows in which error goes first. */
static void syncs(const char *name, int fd)
{
	const int sync = MAP_SHARED_VALIDATE | MAP_SYNC;

	puts(name);
	answer("validated, sync", mmap(NULL, PAGE, PROT_READ, sync, fd, 0));
	answer("writable", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, sync, fd, 0));
	answer("growing down", mmap(NULL, PAGE, PROT_READ, sync | MAP_GROWSDOWN, fd, 0));
	answer("unknown flag", mmap(NULL, PAGE, PROT_READ, sync | 1 << 24, fd, 0));
	answer("offset too large", mmap(NULL, PAGE, PROT_READ, sync, fd, 0x7ffffffffffff000));
}

static void all_kinds(void)
{
	int fds[2], file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	EXPECT(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
	kind("file", dup(file));
	kind("file for reading", open("file", O_RDONLY));
	kind("file for writing", open("file", O_WRONLY));
	kind("file by path", open("file", O_PATH));
	kind("directory", open(".", O_RDONLY | O_DIRECTORY));
	kind("/dev/zero", open("/dev/zero", O_RDWR));
	kind("/dev/null", open("/dev/null", O_RDWR));
	kind("/proc/uptime", open("/proc/uptime", O_RDONLY));
	EXPECT(pipe(fds) == 0);
	kind("pipe", fds[0]);
	close(fds[1]);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	kind("socket", fds[0]);
	close(fds[1]);
	kind("eventfd", eventfd(0, 0));
	kind("epoll", epoll_create1(0));
	kind("closed", -1);
	syncs("file", file);
	syncs("file for reading", open("file", O_RDONLY));
	syncs("file for writing", open("file", O_WRONLY));
	syncs("memfd", memfd_create("memfd", 0));
	syncs("/dev/zero", open("/dev/zero", O_RDWR));
	answer("offset too large", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0x7ffffffffffff000));
	EXPECT(close(file) == 0);
}

/* It outlives its descriptor and its name, and follows the file's size. */
static void outlives(void)
{
	int fd = open("file", O_RDWR);
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *copy;

	EXPECT(at != MAP_FAILED);
	at[PAGE] = 'x';
	copy = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	EXPECT(ftruncate(fd, PAGE) == 0 && ftruncate(fd, 2 * PAGES * PAGE) == 0);
	EXPECT(at[PAGE] == 0 && copy[PAGE] == 0);
	at[PAGE] = 'y';
	EXPECT(copy[PAGE] == 'y');
	at = mremap(at, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
	EXPECT(at != MAP_FAILED);
	EXPECT(close(fd) == 0 && unlink("file") == 0);
	at[(2 * PAGES - 1) * PAGE] = 'z';
	EXPECT(at[PAGE] == 'y' && munmap(at, 2 * PAGES * PAGE) == 0 && copy[PAGE] == 'y' && munmap(copy, PAGES * PAGE) == 0);
	printf("outlives its descriptor\n");
}

static void seals(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	char *at;

	EXPECT(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(at != MAP_FAILED && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
	EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
	at[0] = 1;
	answer("sealed for later, shared", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	answer("sealed for later, read", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	answer("sealed for later, private", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	EXPECT(munmap(at, PAGE) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(at != MAP_FAILED && at[0] == 1);
	printf("%-28s %s\n", "sealed, mprotect", mprotect(at, PAGE, PROT_READ | PROT_WRITE) ? strerrorname_np(errno) : "allowed");
	answer("sealed, shared", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT(ftruncate(fd, 0) == -1 && errno == EPERM && munmap(at, PAGE) == 0 && close(fd) == 0);
}

static int *object(const char *name)
{
	int fd = shm_open(name, O_RDWR | O_CREAT, 0600), *at;

	EXPECT(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
	at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(at != MAP_FAILED && close(fd) == 0);
	return at;
}

/* One word counted up by a forked and a spawned process, and a semaphore's neighbour: the last page. */
static void posix_shm(char *self)
{
	char name[40];
	char *arguments[] = {self, "shm", name, NULL};
	int *at, status;
	pid_t pid;

	snprintf(name, sizeof(name), "/tulou-test-%d", (int)getpid());
	at = object(name);
	at[0] = 1;
	pid = fork();
	if (pid == 0) {
		__atomic_add_fetch(&at[0], 10, __ATOMIC_SEQ_CST);
		_exit(0);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && at[0] == 11);
	EXPECT(posix_spawnp(&pid, self, NULL, NULL, arguments, environ) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(at[0] == 111 && at[PAGES * PAGE / sizeof(int) - 1] == 7);
	EXPECT(shm_unlink(name) == 0 && shm_open(name, O_RDWR, 0) == -1 && errno == ENOENT);
	at[0]++;
	EXPECT(munmap(at, PAGES * PAGE) == 0);
	printf("POSIX shared memory\n");
}

/* As the machine has it: with NUMA or without. */
static void policies(void)
{
	unsigned long nodes = 1;
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mode = -1;

	EXPECT(at != MAP_FAILED);
	printf("mbind %s\n", syscall(SYS_mbind, at, PAGES * PAGE, 2, &nodes, 2ul, 0) ? strerrorname_np(errno) : "done");
	printf("get_mempolicy %s\n", syscall(SYS_get_mempolicy, &mode, NULL, 0ul, at, 2ul) ? strerrorname_np(errno) : "done");
	printf("set_mempolicy %s\n", syscall(SYS_set_mempolicy, 0, NULL, 0ul) ? strerrorname_np(errno) : "done");
	printf("mbind of nothing %s\n", syscall(SYS_mbind, at, PAGES * PAGE, 99, NULL, 0ul, 0) ? strerrorname_np(errno) : "done");
	EXPECT(munmap(at, PAGES * PAGE) == 0);
}

/* Pages of 2 MiB, if the machine has any, and of a size that there is not. What the kernel says of userfaultfd. */
static void others(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
	void *at = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	printf("huge page %s\n", at == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	EXPECT(at == MAP_FAILED || munmap(at, HUGE) == 0);
	answer("huge page of 16 KiB", mmap(NULL, HUGE, PROT_READ, flags | 14 << 26, -1, 0));
	printf("userfaultfd %s\n", fd < 0 ? strerrorname_np(errno) : "opened");
	if (fd >= 0)
		close((int)fd);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		int *at = object(argv[2]);

		at[PAGES * PAGE / sizeof(int) - 1] = 7;
		__atomic_add_fetch(&at[0], 100, __ATOMIC_SEQ_CST);
		return 0;
	}
	all_kinds();
	outlives();
	seals();
	posix_shm(argv[0]);
	policies();
	others();
	return 0;
}

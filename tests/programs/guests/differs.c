/* SPDX-License-Identifier: MIT */
/*
 * differs - where Tulou answers otherwise than Linux, as docs/linux-compat.md says: what the answers are.
 *
 *     differs             everything
 *     differs CHILD …     what a spawned process does
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;

enum { PAGE = 4096, LARGE = 64 << 20, SECRET = 12345 };

#define FAILS(call, error) EXPECT((call) == -1 && errno == (error))

static pid_t spawn(char *self, const char *child, const char *argument)
{
	char *arguments[] = {self, (char *)child, (char *)argument, NULL};
	pid_t pid;

	EXPECT(posix_spawnp(&pid, self, NULL, NULL, arguments, environ) == 0);
	return pid;
}

static void expect_child(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

/* Calls that name another guest are refused; its memory can be read by its address. It waits until the pipe is closed. */
static void another_guest(char *self)
{
	struct iovec theirs = {NULL, sizeof(long)}, mine = {NULL, sizeof(long)};
	unsigned long nodes = 1;
	char number[20];
	int ends[2], answer[2], status;
	long word = 0;
	void *page = map(PAGE);
	pid_t pid;

	EXPECT(pipe(ends) == 0 && fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 && pipe(answer) == 0 && dup2(answer[1], 100) == 100);
	snprintf(number, sizeof(number), "%d", ends[0]);
	pid = spawn(self, "wait", number);
	EXPECT(read(answer[0], &theirs.iov_base, sizeof(theirs.iov_base)) == sizeof(theirs.iov_base));
	mine.iov_base = &word;
	EXPECT(process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0) == sizeof(word) && word == SECRET);
	FAILS(syscall(SYS_move_pages, (long)pid, 1L, &page, NULL, &status, 0L), EPERM);
	FAILS(syscall(SYS_migrate_pages, (long)pid, 2ul, &nodes, &nodes), EPERM);
	EXPECT(close(answer[0]) == 0 && close(answer[1]) == 0 && close(100) == 0);
	EXPECT(close(ends[1]) == 0 && close(ends[0]) == 0);
	expect_child(pid);
}

static void refused(void)
{
	void *at = map(PAGE);

	FAILS(prctl(PR_SET_MM, PR_SET_MM_START_BRK, at, 0L, 0L), EPERM);
	FAILS(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 0L, 0L, 0L), EPERM);
	EXPECT(munmap(at, PAGE) == 0);
}

/* An open descriptor of /proc/self/maps stays as it was; a new one shows what was mapped. */
static void snapshot(void)
{
	static char before[1 << 16], after[1 << 16];
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t size = pread(fd, before, sizeof(before), 0);
	char line[40];
	void *at = map(PAGE);

	EXPECT(fd >= 0 && size > 0 && pread(fd, after, sizeof(after), 0) == size && memcmp(before, after, (size_t)size) == 0);
	close(fd);
	fd = open("/proc/self/maps", O_RDONLY);
	snprintf(line, sizeof(line), "%lx-", (unsigned long)at);
	memset(after, 0, sizeof(after));
	EXPECT(pread(fd, after, sizeof(after) - 1, 0) > 0 && (strstr(after, line) || strncmp(before, after, (size_t)size) != 0));
	close(fd);
}

static void own_name(void)
{
	struct stat link, program;
	char path[4096] = "";

	EXPECT(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	EXPECT(stat("/proc/self/exe", &link) == 0 && stat(path, &program) == 0);
	EXPECT(link.st_ino != program.st_ino || link.st_dev != program.st_dev);
}

/* The most that anybody of the address space had. */
static void most(char *self)
{
	char *at = map(LARGE);

	memset(at, 1, LARGE);
	expect_child(spawn(self, "most", NULL));
	EXPECT(munmap(at, LARGE) == 0);
}

static void barriers(char *self)
{
	EXPECT(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0);
	expect_child(spawn(self, "barrier", NULL));
}

/* A page at 0 is not mapped after exec; the flag stays. */
static void page_zero(char *self)
{
	int old = personality(0xffffffff);

	EXPECT(personality((unsigned)old | MMAP_PAGE_ZERO) == old);
	expect_child(spawn(self, "zero", NULL));
	EXPECT(personality((unsigned)old) >= 0);
}

/* A stack grows past RLIMIT_AS, which only the books know. */
static void beyond_limit(void)
{
	struct rlimit before, limit;
	volatile char deep[4 << 20];

	EXPECT(getrlimit(RLIMIT_AS, &before) == 0);
	limit = before;
	limit.rlim_cur = PAGE;
	EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
	FAILS((long)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	for (size_t at = sizeof(deep); at; at -= PAGE)
		deep[at - 1] = 1;
	EXPECT(setrlimit(RLIMIT_AS, &before) == 0);
}

/* 40 KiB, and another process the same meanwhile. 9: more than may be locked. */
static int lock(char *self, bool more)
{
	void *at = map(10 * PAGE);
	int status = 0;
	pid_t pid;

	if (mlock(at, 10 * PAGE))
		return 9;
	if (more) {
		pid = spawn(self, "lock", NULL);
		EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	}
	return WEXITSTATUS(status);
}

/* A listener is not asked about a call that only the runtime can make; a program without room for ours has none. */
static void listeners(void)
{
	static struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = {BPF_MAXINSNS, code};
	const unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	pid_t pid = fork();

	if (pid) {
		expect_child(pid);
		return;
	}
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	for (unsigned n = 0; n < BPF_MAXINSNS; n++)
		code[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	FAILS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program), ENOMEM);
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	code[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_brk, 1, 0);
	code[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = 4;
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) >= 0);
	FAILS(syscall(SYS_brk, 0), ENOSYS);
	_exit(0);
}

static int child(char **argv)
{
	struct rusage usage;
	unsigned char seen;
	char byte;

	if (!strcmp(argv[1], "lock"))
		return lock(argv[0], argv[2] != NULL);
	if (!strcmp(argv[1], "wait")) {
		static long secret = SECRET;
		void *address = &secret;

		EXPECT(write(100, &address, sizeof(address)) == sizeof(address));
		EXPECT(read(atoi(argv[2]), &byte, 1) == 0);
	}
	if (!strcmp(argv[1], "most"))
		EXPECT(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss >= LARGE / 1024);
	else if (!strcmp(argv[1], "barrier"))
		EXPECT(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
	else if (!strcmp(argv[1], "zero"))
		EXPECT(mincore(NULL, PAGE, &seen) == -1 && errno == ENOMEM && personality(0xffffffff) & MMAP_PAGE_ZERO);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child(argv);
	another_guest(argv[0]);
	refused();
	snapshot();
	own_name();
	most(argv[0]);
	barriers(argv[0]);
	page_zero(argv[0]);
	beyond_limit();
	listeners();
	puts("as the document says");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * shared_file - two processes map the same file and pass a token back and forth through it; what write(2) puts into the file shows in
 * the mapping and the other way round; private mappings stay private. The other process is a fork, then a spawned program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, SIZE = 16 * PAGE, TURNS = 2000 };

struct shared {
	_Atomic int turn;
	int values[TURNS];
};

extern char **environ;

static struct shared *map(int fd, int flags)
{
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

/* Play every second turn, starting with `first`. */
static void play(struct shared *shared, int first)
{
	for (int i = first; i < TURNS; i += 2) {
		while (atomic_load(&shared->turn) != i)
			sched_yield();
		EXPECT(i == 0 || shared->values[i - 1] == (i - 1) * 3);
		shared->values[i] = i * 3;
		atomic_store(&shared->turn, i + 1);
	}
}

static void check_played(struct shared *shared, pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(shared->turn == TURNS);
	for (int i = 0; i < TURNS; i++)
		EXPECT(shared->values[i] == i * 3);
	memset(shared, 0, sizeof(*shared));
}

static void check_fork(int fd)
{
	struct shared *shared = map(fd, MAP_SHARED);
	pid_t pid = fork();

	if (pid == 0) {
		play(shared, 1);
		_exit(0);
	}
	play(shared, 0);
	check_played(shared, pid);
	EXPECT(munmap(shared, SIZE) == 0);
	puts("shared with a fork");
}

static void check_spawn(int fd, char *self)
{
	char *argv[] = {self, "other", NULL};
	struct shared *shared = map(fd, MAP_SHARED);
	pid_t pid;

	EXPECT(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
	play(shared, 0);
	check_played(shared, pid);
	EXPECT(munmap(shared, SIZE) == 0);
	puts("shared with a spawned program");
}

static void check_coherence(int fd)
{
	struct shared *shared = map(fd, MAP_SHARED), *twice = map(fd, MAP_SHARED), *private = map(fd, MAP_PRIVATE);
	char *a = (char *)shared, *b = (char *)twice, *c = (char *)private, bytes[4];

	EXPECT(a != b);
	for (int i = 0; i < SIZE; i += 1000) {
		EXPECT(pwrite(fd, "abc", 3, i) == 3);
		EXPECT(memcmp(a + i, "abc", 3) == 0 && memcmp(b + i, "abc", 3) == 0 && memcmp(c + i, "abc", 3) == 0);
		memcpy(b + i, "xyz", 3);
		EXPECT(pread(fd, bytes, 3, i) == 3 && memcmp(bytes, "xyz", 3) == 0 && memcmp(a + i, "xyz", 3) == 0);
	}
	memset(c, 'p', SIZE);
	EXPECT(memcmp(a, "xyz", 3) == 0 && pread(fd, bytes, 3, 0) == 3 && memcmp(bytes, "xyz", 3) == 0);
	EXPECT(msync(a, SIZE, MS_SYNC) == 0 && msync(b, SIZE, MS_ASYNC) == 0 && msync(a, SIZE, MS_SYNC | MS_INVALIDATE) == 0);
	EXPECT(madvise(c, SIZE, MADV_DONTNEED) == 0 && memcmp(c, "xyz", 3) == 0);
	a[SIZE - 1] = 'e';
	EXPECT(munmap(a, SIZE) == 0 && munmap(b, SIZE) == 0 && munmap(c, SIZE) == 0);
	EXPECT(pread(fd, bytes, 1, SIZE - 1) == 1 && bytes[0] == 'e');
	puts("mapping, read and write agree");
}

/* The last page of a file that ends inside it: zeroes behind the end, which never reach the file. */
static void check_tail(void)
{
	int fd = open("tail-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *at, byte;

	EXPECT(fd >= 0 && write(fd, "12345", 5) == 5);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(at != MAP_FAILED && at[4] == '5' && at[5] == 0 && at[PAGE - 1] == 0);
	at[5] = '6';
	EXPECT(munmap(at, PAGE) == 0);
	EXPECT(lseek(fd, 0, SEEK_END) == 5);
	EXPECT(ftruncate(fd, 10) == 0 && pread(fd, &byte, 1, 5) == 1 && byte == 0);
	EXPECT(close(fd) == 0 && unlink("tail-file") == 0);
	puts("the tail stays out of the file");
}

static void check_errors(int fd)
{
	int write_only = open("shared-file", O_WRONLY), read_only = open("shared-file", O_RDONLY), ends[2];
	char *at;

	EXPECT(write_only >= 0 && read_only >= 0 && pipe(ends) == 0);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, write_only, 0) == MAP_FAILED && errno == EACCES);
	EXPECT(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, read_only, 0) == MAP_FAILED && errno == EACCES);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED && errno == EBADF);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ends[0], 0) == MAP_FAILED && errno == ENODEV);
	EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED && errno == EINVAL);
	EXPECT(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
	EXPECT(at != MAP_FAILED && mprotect(at, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	EXPECT(munmap(at, PAGE) == 0 && close(write_only) == 0 && close(read_only) == 0 && close(ends[0]) == 0 &&
		close(ends[1]) == 0);
	puts("errors are Linux's");
}

int main(int argc, char **argv)
{
	int fd = open("shared-file", O_RDWR | O_CREAT, 0600);

	EXPECT(fd >= 0 && ftruncate(fd, SIZE) == 0);
	if (argc == 2 && strcmp(argv[1], "other") == 0) {
		play(map(fd, MAP_SHARED), 1);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	EXPECT(argc == 2);
	check_fork(fd);
	check_spawn(fd, argv[1]);
	check_coherence(fd);
	check_tail();
	check_errors(fd);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * resident - blocks of a size that is mapped and unmapped again and again: always zeros, never anybody's old bytes, and unmapped for
 * every call that could tell. `resident stray [SECONDS]` reads one just after munmap, or so much later, and says what it finds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "expect.h"

enum { PAGE = 4096, OFTEN = 300, THREADS = 4 };

static sigjmp_buf back;

static void *block_map(size_t size)
{
	void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(block != MAP_FAILED);
	return block;
}

/* Map, find zeros, leave something, unmap. The last address. */
static void *churn(size_t size, int times)
{
	uint64_t *block = NULL;

	for (int i = 0; i < times; i++) {
		block = block_map(size);
		for (size_t w = 0; w < size / sizeof *block; w++)
			EXPECT(block[w] == 0);
		for (size_t w = 0; w < size / sizeof *block; w += i % 7 + 1)
			block[w] = (uintptr_t)block + w + (size_t)i;
		EXPECT(munmap(block, size) == 0);
	}
	return block;
}

static void on_fault(int signo)
{
	siglongjmp(back, signo);
}

/* 0: it can be read; else the signal. */
static int read_signal(volatile char *at)
{
	struct sigaction action = {.sa_handler = on_fault}, old;
	int signo;

	sigaction(SIGSEGV, &action, &old);
	signo = sigsetjmp(back, 1);
	if (!signo)
		(void)*at;
	sigaction(SIGSEGV, &old, NULL);
	return signo;
}

/* Whatever asks about a block finds it gone. */
static void test_calls(void)
{
	unsigned char vector[4];
	char *block;

	block = churn(4 * PAGE, OFTEN);
	EXPECT(mincore(block, PAGE, vector) == -1 && errno == ENOMEM && read_signal(block) == SIGSEGV);
	block = churn(4 * PAGE, OFTEN);
	EXPECT(mprotect(block, PAGE, PROT_READ) == -1 && errno == ENOMEM && read_signal(block) == SIGSEGV);
	block = churn(4 * PAGE, OFTEN);
	EXPECT(madvise(block, PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM && read_signal(block) == SIGSEGV);
	block = churn(4 * PAGE, OFTEN);
	EXPECT(munmap(block, PAGE) == 0 && read_signal(block) == SIGSEGV && read_signal(block + 2 * PAGE) == SIGSEGV);
	block = churn(4 * PAGE, OFTEN);
	EXPECT(mmap(block, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == block);
	EXPECT(read_signal(block) == SIGSEGV && munmap(block, PAGE) == 0);
	block = churn(4 * PAGE, OFTEN);
	EXPECT(mremap(block, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
}

/* Properties that a fresh mapping has not. */
static void test_marks(void)
{
	char *block = block_map(5 * PAGE);
	int status;
	pid_t child;

	for (int i = 0; i < OFTEN; i++) {
		block = block_map(5 * PAGE);
		EXPECT(madvise(block, 5 * PAGE, MADV_WIPEONFORK) == 0);
		EXPECT(munmap(block, 5 * PAGE) == 0);
	}
	block = block_map(5 * PAGE);
	block[0] = 7;
	child = fork();
	if (child == 0)
		_exit(block[0]);
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	EXPECT(munmap(block, 5 * PAGE) == 0);
}

static void *thread(void *size)
{
	churn((uintptr_t)size, OFTEN);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)(uintptr_t)((3 + i % 2) * PAGE)) == 0);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
}

/* A child by fork goes on with what is kept; one by vfork leaves it alone. */
static void test_children(void)
{
	int status;
	pid_t child;

	churn(6 * PAGE, OFTEN);
	for (int i = 0; i < 2; i++) {
		child = i ? vfork() : fork();
		if (child == 0) {
			if (!i)
				churn(6 * PAGE, OFTEN);
			_exit(3);
		}
		EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
		churn(6 * PAGE, OFTEN);
	}
}

static int stray(unsigned seconds)
{
	char *block = churn(4 * PAGE, OFTEN);

	sleep(seconds);
	printf("%s\n", read_signal(block) ? "fault" : *block ? "bytes" : "zeros");
	return 0;
}

/* A pipe holds the pages of what is unmapped, not their bytes. */
static void splice_blocks(void)
{
	enum { SIZE = 2 * PAGE };
	static unsigned char bytes[SIZE];
	int pipes[2];

	EXPECT(pipe(pipes) == 0);
	for (int turn = 1; turn <= 100; turn++) {
		struct iovec piece = {block_map(SIZE), SIZE};

		memset(piece.iov_base, turn, SIZE);
		EXPECT(vmsplice(pipes[1], &piece, 1, 0) == SIZE);
		EXPECT(munmap(piece.iov_base, SIZE) == 0);
		for (ssize_t have = 0, got; have < SIZE; have += got)
			EXPECT((got = read(pipes[0], bytes + have, (size_t)(SIZE - have))) > 0);
		for (int i = 0; i < SIZE; i++)
			EXPECT(bytes[i] == turn);
	}
}

static void test_splice(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		splice_blocks();
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "stray"))
		return stray(argc > 2 ? (unsigned)atoi(argv[2]) : 0);
	for (size_t pages = 1; pages <= 600; pages *= 3)
		churn(pages * PAGE, pages > 100 ? 40 : OFTEN);
	test_calls();
	test_threads();
	test_children();
	test_splice();
	test_marks();
	puts("blocks are zero, and gone");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * hosted - a bit of everything that a C library offers. Built five ways: dynamic (PIE and not), static PIE, static, and with
 * musl, dynamic and static: loaders, thread start-up and allocators differ in each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { THREADS = 4, ROUNDS = 2000, BLOCKS = 64 };

extern char **environ;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long total;
static _Thread_local long own;
static int initialised = 4711; /* .data */
static int zero[5000]; /* .bss, more than a page */

static void *thread(void *arg)
{
	unsigned seed = (unsigned)(long)arg;
	unsigned char *blocks[BLOCKS] = {NULL};
	size_t sizes[BLOCKS] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		unsigned at = (seed = seed * 1103515245 + 12345) >> 16 & (BLOCKS - 1);

		if (blocks[at])
			EXPECT(blocks[at][0] == (unsigned char)at && blocks[at][sizes[at] - 1] == (unsigned char)at);
		free(blocks[at]);
		sizes[at] = 1 + (seed >> 8) % (i % 50 ? 3000 : 400000);
		blocks[at] = malloc(sizes[at]);
		EXPECT(blocks[at]);
		blocks[at][0] = blocks[at][sizes[at] - 1] = (unsigned char)at;
		own++;
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	pthread_mutex_lock(&mutex);
	total += own;
	pthread_mutex_unlock(&mutex);
	return (void *)own;
}

static void run_threads(void)
{
	pthread_t threads[THREADS];
	void *result;

	for (long i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) {
		EXPECT(pthread_join(threads[i], &result) == 0);
		EXPECT((long)result == ROUNDS);
	}
	printf("threads: %ld, own %ld\n", total, own);
}

static void spawn_self(const char *self)
{
	char *argv[] = {"spawned", "child", "of hosted", NULL};
	posix_spawn_file_actions_t actions;
	char text[200] = "";
	ssize_t size = 0, got;
	int ends[2], status;
	pid_t pid;

	EXPECT(pipe(ends) == 0);
	EXPECT(posix_spawn_file_actions_init(&actions) == 0);
	EXPECT(posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0);
	EXPECT(posix_spawn_file_actions_addclose(&actions, ends[0]) == 0);
	EXPECT(posix_spawn_file_actions_addclose(&actions, ends[1]) == 0);
	EXPECT(posix_spawn(&pid, self, &actions, NULL, argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while ((got = read(ends[0], text + size, sizeof(text) - 1 - (size_t)size)) > 0)
		size += got;
	close(ends[0]);
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	printf("spawned: %s", text);
	EXPECT(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) == ENOENT);
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void use_library(void)
{
	static jmp_buf jump;
	char line[100];
	FILE *file = tmpfile();
	int numbers[1000];
	char *big = malloc(1 << 20);

	EXPECT(file && fprintf(file, "%d %.3f %s\n", 42, 2.5, "words") > 0);
	rewind(file);
	EXPECT(fgets(line, sizeof(line), file));
	fclose(file);
	printf("file: %s", line);
	for (int i = 0; i < 1000; i++)
		numbers[i] = i * 7919 % 1000;
	qsort(numbers, 1000, sizeof(int), compare);
	for (int i = 0; i < 1000; i++)
		EXPECT(numbers[i] == i);
	EXPECT(big);
	memset(big, 7, 1 << 20);
	big = realloc(big, 32 << 20);
	EXPECT(big && big[0] == 7 && big[(1 << 20) - 1] == 7);
	big = realloc(big, 1 << 16);
	EXPECT(big && big[(1 << 16) - 1] == 7);
	free(big);
	if (setjmp(jump) == 0)
		longjmp(jump, 1);
	printf("floats: %.10g %.10g\n", strtod("0.1", NULL) * 3, (double)time(NULL) > 1e9 ? 1.0 : 0.0);
}

int main(int argc, char **argv)
{
	int on_stack = 0;

	EXPECT(initialised == 4711);
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		EXPECT(zero[i] == 0);
	EXPECT(((unsigned long)&on_stack & 3) == 0);
	if (argc > 2) {
		printf("%s, %s %s, %s\n", argv[0], argv[1], argv[2], getenv("LC_ALL"));
		return 3;
	}
	EXPECT(argc == 2);
	use_library();
	run_threads();
	spawn_self(argv[1]);
	printf("done\n");
	return 0;
}

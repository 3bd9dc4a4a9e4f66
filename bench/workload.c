/* SPDX-License-Identifier: MIT */
/*
 * workload.c - the small programs of part B: bench_workload WHAT [SIZE [BLOCKS [OPERATIONS]]]. Prints nanoseconds per operation, the
 * median of the blocks. An ordinary program: it does not know whether it runs natively or under `tulou run`.
 *
 *     getppid           a system call that nobody intercepts
 *     pair SIZE         mmap + munmap, never touched
 *     churn SIZE        mmap, touch every page, munmap
 *     malloc SIZE       malloc, touch every page, free; glibc's threshold is set, else it would stop to use mmap after the first
 *     sizes             the same, each size once
 *     spawn             posix_spawn and wait of /bin/true             by the clock on the wall
 *     fork, vfork       the child exits at once                       by the clock on the wall
 *     hold SIZE         touch so much, say so (file `ready`), stay until the file `done` is there
 *     areas COUNT       the same with so many areas of one page
 *     crowd COUNT       start so many `sleep`, print the time of all, stay until stdin ends, end them
 *
 * With BENCH_COUNT, a measurement waits until so many neighbours are ready, and tells them when it is done; the names of the files
 * begin with BENCH_NEIGHBOURS.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { PAGE = 4096, CROWD_MOST = 4096, PATH_SIZE = 512 };

_Noreturn void bench_die(const char *what, long error)
{
	fprintf(stderr, "bench_workload: %s: %s\n", what, strerror((int)-error));
	exit(1);
}

/* ---- the operations ---- */

static void touch(volatile char *at, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
}

static char *map(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		bench_die("mmap", -errno);
	return at;
}

static void op_getppid(size_t size)
{
	(void)size;
	syscall(SYS_getppid);
}

static void op_pair(size_t size)
{
	munmap(map(size), size);
}

static void op_churn(size_t size)
{
	char *at = map(size);

	touch(at, size);
	munmap(at, size);
}

static void op_malloc(size_t size)
{
	char *at = malloc(size);

	if (!at)
		bench_die("malloc", -ENOMEM);
	touch(at, size);
	free(at);
}

static void op_sizes(size_t size)
{
	static size_t next;

	op_malloc(size + PAGE * next++);
}

static void reap(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || status)
		bench_die("child", -errno);
}

static pid_t spawn(char *const *argv)
{
	pid_t child;
	int error = posix_spawn(&child, argv[0], NULL, NULL, argv, environ);

	if (error)
		bench_die(argv[0], -error);
	return child;
}

static void op_spawn(size_t size)
{
	char name[] = "/bin/true", *argv[] = {name, NULL};

	(void)size;
	reap(spawn(argv));
}

static void op_fork(size_t size)
{
	pid_t child = fork();

	(void)size;
	if (!child)
		_exit(0);
	reap(child);
}

static void op_vfork(size_t size)
{
	pid_t child = vfork();

	(void)size;
	if (!child)
		_exit(0);
	reap(child);
}

/* ---- neighbours ---- */

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void await(const char *path)
{
	const struct timespec pause = {0, 5000000};

	while (!exists(path))
		nanosleep(&pause, NULL);
}

static void file_name(char *out, const char *what, size_t number)
{
	const char *base = getenv("BENCH_NEIGHBOURS");

	snprintf(out, PATH_SIZE, "%s.%s.%zu", base ? base : "neighbours", what, number);
}

static void file_make(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0)
		bench_die(path, -errno);
	close(fd);
}

/* The first free number is ours. */
static int stay(void)
{
	char path[PATH_SIZE];
	size_t number = 0;
	int fd;

	do {
		file_name(path, "ready", number++);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	} while (fd < 0 && errno == EEXIST);
	file_name(path, "done", 0);
	await(path);
	return 0;
}

static int hold(size_t size)
{
	touch(map(size), size);
	return stay();
}

/* Neighbours in the books would be one area: let each second one differ. */
static int areas(size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED)
			bench_die("mmap", -errno);
	return stay();
}

static int crowd(size_t count)
{
	static pid_t children[CROWD_MOST];
	char name[] = "/bin/sleep", seconds[] = "1000", *argv[] = {name, seconds, NULL};
	double began = measure_wall();
	size_t lost = 0;

	if (count > CROWD_MOST)
		return 2;
	for (size_t i = 0; i < count; i++)
		children[i] = spawn(argv);
	printf("%.0f\n", (measure_wall() - began) / (double)count);
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (size_t i = 0; i < count; i++) {
		int status;

		kill(children[i], SIGTERM);
		if (waitpid(children[i], &status, 0) != children[i] || !WIFSIGNALED(status))
			lost++;
	}
	printf("%zu\n", lost);
	return 0;
}

/* ---- measuring ---- */

static const struct workload {
	const char *name;
	void (*run)(size_t size);
	double (*clock)(void);
	size_t size, operations;
} workloads[] = {
	{"getppid", op_getppid, measure_cpu, 0, 20000},
	{"pair", op_pair, measure_cpu, 16 * KIB, 2000},
	{"churn", op_churn, measure_cpu, 16 * KIB, 1000},
	{"malloc", op_malloc, measure_cpu, 200 * KIB, 200},
	{"sizes", op_sizes, measure_cpu, 200 * KIB, 32},
	{"spawn", op_spawn, measure_wall, 0, 20},
	{"fork", op_fork, measure_wall, 0, 20},
	{"vfork", op_vfork, measure_wall, 0, 100},
};

static void measure(const struct workload *w, size_t size, size_t count, size_t operations)
{
	struct blocks blocks = {.count = 0};

	for (size_t block = 0; block < count; block++) {
		double began = w->clock();

		for (size_t i = 0; i < operations; i++)
			w->run(size);
		blocks_add_value(&blocks, (w->clock() - began) / (double)operations);
	}
	printf("%.1f\n", blocks_sample(&blocks).median);
}

static void neighbours_await(void)
{
	const char *count = getenv("BENCH_COUNT");
	char path[PATH_SIZE];

	for (size_t i = 0; count && i < strtoul(count, NULL, 10); i++) {
		file_name(path, "ready", i);
		await(path);
	}
}

static size_t number(int argc, char **argv, int at, size_t otherwise)
{
	return argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char path[PATH_SIZE];

	mallopt(M_MMAP_THRESHOLD, 128 * KIB);
	if (!strcmp(what, "hold"))
		return hold(number(argc, argv, 2, MIB));
	if (!strcmp(what, "areas"))
		return areas(number(argc, argv, 2, 32));
	if (!strcmp(what, "crowd"))
		return crowd(number(argc, argv, 2, 10));
	for (const struct workload *w = workloads; w < workloads + sizeof(workloads) / sizeof(*workloads); w++) {
		if (strcmp(what, w->name))
			continue;
		measure_pin(measure_processors() - 1);
		neighbours_await();
		measure(w, number(argc, argv, 2, w->size), number(argc, argv, 3, 9), number(argc, argv, 4, w->operations));
		if (getenv("BENCH_COUNT")) {
			file_name(path, "done", 0);
			file_make(path);
		}
		return 0;
	}
	fprintf(stderr, "bench_workload: what is '%s'?\n", what);
	return 2;
}

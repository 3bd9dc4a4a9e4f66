/* SPDX-License-Identifier: MIT */
/* proc_files - files of /proc about memory: PROCMAP_QUERY, keys of status and smaps, sizes that agree, by pid, by task, of a child. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, READABLE = 1, WRITABLE = 2, SHARED = 8, NEXT = 0x10, FILE_BACKED = 0x20 };

/* <linux/fs.h> of Linux 6.11 */
struct query {
	uint64_t size, flags, address, start, end, perms, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};

#define QUERY _IOWR('f', 17, struct query)

static int maps, data = 5;

static void ask(const char *what, const void *address, uint64_t flags)
{
	char name[300] = "";
	struct query q = {.size = sizeof(q),
		.flags = flags,
		.address = (uintptr_t)address,
		.name_size = sizeof(name),
		.name = (uintptr_t)name};

	if (ioctl(maps, QUERY, &q)) {
		printf("%s, flags %lx: %s\n", what, (unsigned long)flags, strerrorname_np(errno));
		return;
	}
	printf("%s, flags %lx: perms %lx, page %lx, offset %lx, %s, '%s' of %u, %s\n", what, (unsigned long)flags,
		(unsigned long)q.perms, (unsigned long)q.page_size, (unsigned long)q.offset, q.inode ? "file" : "no file", name,
		q.name_size, (uintptr_t)address >= q.start && (uintptr_t)address < q.end ? "covers" : "next");
}

/* From the first to the last mapping: as many as maps has. */
static void walk(void)
{
	struct query q = {.end = 0};
	FILE *file = fopen("/proc/self/maps", "r");
	char line[500];
	int count = 0;

	while (fgets(line, sizeof(line), file)) {
		unsigned long start, end;
		sscanf(line, "%lx-%lx", &start, &end);
		if (strstr(line, "[vsyscall]"))
			continue;
		q = (struct query){.size = sizeof(q), .flags = NEXT, .address = q.end};
		EXPECT(ioctl(maps, QUERY, &q) == 0 && q.start == start && q.end == end);
		count++;
	}
	fclose(file);
	q = (struct query){.size = sizeof(q), .flags = NEXT, .address = q.end};
	printf("walked %s, then %s\n", count > 10 ? "all" : "few", ioctl(maps, QUERY, &q) ? strerrorname_np(errno) : "more");
}

static void check_query(void)
{
	struct query q = {.size = 8};
	char *heap = malloc(100), *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), tiny[4];

	maps = open("/proc/self/maps", O_RDONLY);
	ask("text", (void *)check_query, 0);
	ask("data", &data, 0);
	ask("data", &data, WRITABLE);
	ask("text", (void *)check_query, WRITABLE);
	ask("heap", heap, 0);
	ask("heap", heap, FILE_BACKED);
	ask("heap", heap, READABLE | WRITABLE);
	ask("stack", tiny, 0);
	ask("stack", tiny, NEXT);
	ask("shared", shared, SHARED);
	ask("library", (void *)printf, NEXT | FILE_BACKED);
	ask("1", (void *)1, 0);
	ask("1", (void *)1, NEXT | SHARED | WRITABLE);
	ask("end", (void *)0x7ffffffff000, 0);
	ask("end", (void *)0x7ffffffff000, NEXT);
	ask("flags", heap, 0x1000);
	printf("size 8: %s\n", ioctl(maps, QUERY, &q) ? strerrorname_np(errno) : "0");
	printf("bad address: %s\n", ioctl(maps, QUERY, 1) ? strerrorname_np(errno) : "0");
	q = (struct query){.size = sizeof(q), .address = (uintptr_t)check_query, .name_size = 4, .name = (uintptr_t)tiny};
	printf("short name: %s\n", ioctl(maps, QUERY, &q) ? strerrorname_np(errno) : "0");
	q = (struct query){.size = sizeof(q), .address = (uintptr_t)check_query};
	printf("no name: %s, %u\n", ioctl(maps, QUERY, &q) ? strerrorname_np(errno) : "0", q.name_size);
	close(maps);
	maps = open("/proc/self/maps", O_RDONLY);
	walk();
	close(maps);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------------------- */

static long value_of(const char *path, const char *key)
{
	char line[500];
	FILE *file = fopen(path, "r");
	long value = -1;

	while (value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			value = atol(line + strlen(key) + 1);
	fclose(file);
	return value;
}

static void show_keys(const char *path)
{
	char line[5000];
	FILE *file = fopen(path, "r");

	printf("%s:", path);
	while (file && fgets(line, sizeof(line), file))
		if (line[0] >= 'A' && line[0] <= 'Z')
			printf(" %.*s", (int)strcspn(line, ":"), line);
	putchar('\n');
	if (file)
		fclose(file);
}

static void check_sizes(void)
{
	static const char status[] = "/proc/self/status";
	const size_t size = 64 << 20;
	long before = value_of(status, "VmSize");
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(value_of(status, "VmSize") >= before + (long)(size >> 10));
	EXPECT(munmap(at, size) == 0);
	EXPECT(value_of(status, "VmSize") < before + 1000);
	EXPECT(value_of(status, "VmPeak") >= before + (long)(size >> 10));
	before = value_of(status, "VmRSS");
	EXPECT(value_of(status, "VmHWM") >= before);
	before = value_of(status, "VmSize");
	fflush(stdout);
	if (!fork())
		_exit(value_of(status, "VmPeak") < before + 1000 ? 0 : 1);
	wait(&data);
	printf("VmSize comes and goes, VmPeak stays, but not over a fork: %d\n", data);
}

/* ---- other names of the same -------------------------------------------------------------------------------------------------------- */

static const char *const files[] = {"maps", "smaps", "smaps_rollup", "numa_maps", "status", "stat", "statm", "cmdline", "environ",
	"auxv", "exe", "comm", "limits", "oom_score_adj", "coredump_filter"};

/* A line of a file as it is. */
static void show_line(const char *path, const char *key)
{
	char line[500];
	FILE *file = fopen(path, "r");

	while (fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			fputs(line, stdout);
	fclose(file);
}

static void check_limits(void)
{
	struct rlimit limit = {300 << 20, 900 << 20};
	char *at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	show_line("/proc/self/limits", "");
	setrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 100 << 20;
	limit.rlim_max = RLIM_INFINITY;
	setrlimit(RLIMIT_DATA, &limit);
	show_line("/proc/self/limits", "Max");
	show_line("/proc/self/status", "VmLck");
	EXPECT(mlock(at, 5 * PAGE) == 0);
	show_line("/proc/self/status", "VmLck");
	EXPECT(munlock(at, 2 * PAGE) == 0);
	show_line("/proc/self/status", "VmLck");
}

static void check_names(const char *format, long id)
{
	char path[100];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd;
		snprintf(path, sizeof(path), format, files[i], id);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, path, 1) != 1 || lseek(fd, 0, SEEK_SET) != 0 || read(fd, path, 1) != 1)
			printf("%s: %s\n", files[i], strerrorname_np(errno));
		close(fd);
	}
}

static void *in_thread(void *unused)
{
	check_names("/proc/thread-self/%1$s", 0);
	check_names("/proc/self/task/%2$ld/%1$s", gettid());
	return unused;
}

/* Of a child that was forked, and of one that has executed since: told apart by what it is, not by who runs it. */
static void show_child(const char *what, pid_t pid)
{
	static const char *const files[] = {"cmdline", "environ", "auxv"};
	char path[64], text[4096];

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	ssize_t size = readlink(path, text, sizeof text);
	printf("%s: exe %.*s", what, (int)(size > 0 ? size : 0), text);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
		int fd = open(path, O_RDONLY);
		size = read(fd, text, sizeof text);
		if (i == 0)
			printf(", cmdline %.*s\n", (int)(size > 0 ? size : 0), text);
		else
			printf("%s: %s\n", files[i], size > 0 ? "there" : strerrorname_np(errno));
		close(fd);
	}
}

static void check_children(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	show_child("forked", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (!pid) {
		execlp("sleep", "a sleeper", "100", NULL);
		_exit(1);
	}
	close(ends[1]);
	EXPECT(read(ends[0], &byte, 1) == 0); /* it has executed */
	show_child("executed", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
}

static void check_others(void)
{
	pthread_t thread;
	pid_t pid;

	check_names("/proc/%2$ld/%1$s", getpid());
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	check_names("/proc/%2$ld/%1$s", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	puts("all files by pid, by task, of a child");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	check_query();
	show_keys("/proc/self/status");
	show_keys("/proc/self/smaps_rollup");
	check_sizes();
	check_others();
	check_children();
	check_limits();
	return 0;
}

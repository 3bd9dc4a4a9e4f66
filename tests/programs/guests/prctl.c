/* SPDX-License-Identifier: MIT */
/* prctl - options of prctl(2) that are about memory: names of ranges, PR_SET_MM, PR_SET_MDWE, PR_GET_AUXV. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, SET_MDWE = 65, GET_MDWE = 66, GET_AUXV = 0x41555856, SET_VMA = 0x53564d41, ANON_NAME = 0 };
enum { NO_INHERIT = 2, REFUSE_EXEC = 1 };

#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static void show_answer(const char *call, long answer)
{
	printf("%s: %ld %s\n", call, answer, answer == -1 ? strerrorname_np(errno) : "");
}

/* With a page on each side that it cannot merge with. */
static char *map(int pages, int prot)
{
	char *at = mmap(NULL, (size_t)(pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED && mprotect(at + PAGE, (size_t)pages * PAGE, prot) == 0);
	return at + PAGE;
}

/* Lines of maps that lie in the range. */
static void show_range(const char *from, int pages)
{
	char line[400];
	FILE *file = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), file)) {
		unsigned long start, end;
		char perms[5], name[200] = "";
		sscanf(line, "%lx-%lx %4s %*s %*s %*s %199[^\n]", &start, &end, perms, name);
		if (start >= (unsigned long)from && end <= (unsigned long)from + (unsigned long)pages * PAGE)
			printf("  %ld to %ld %s %s\n", (long)(start - (unsigned long)from) / PAGE,
				(long)(end - (unsigned long)from) / PAGE, perms, name);
	}
	fclose(file);
}

static void check_names(void)
{
	char *at = map(10, PROT_READ | PROT_WRITE);

	munmap(at, PAGE);
	munmap(at + 5 * PAGE, PAGE);
	munmap(at + 9 * PAGE, PAGE);
	SHOW(prctl(SET_VMA, ANON_NAME, at + PAGE, 4 * PAGE, "first"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + 6 * PAGE, PAGE, "second"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + 4 * PAGE, 4 * PAGE, "across"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + 2 * PAGE, PAGE, NULL));
	SHOW(prctl(SET_VMA, ANON_NAME, at + 1, PAGE, "misaligned"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + PAGE, 0, "empty"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + PAGE, 1, "a byte"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + PAGE, PAGE, "not $ allowed"));
	SHOW(prctl(SET_VMA, ANON_NAME, at + PAGE, -PAGE, "too long"));
	SHOW(prctl(SET_VMA, 1, at + PAGE, PAGE, "no such option"));
	show_range(at, 10);
	munmap(at, 10 * PAGE);
}

static void show_file(const char *path)
{
	char text[100] = "";
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, text, sizeof(text) - 1);

	close(fd);
	printf("%s: %zd '%s'\n", path, size, text);
}

static void check_strings(void)
{
	char *at = map(1, PROT_READ | PROT_WRITE);

	memcpy(at, "renamed", 8);
	memcpy(at + 100, "A=1", 4);
	/* The order of the changes keeps start below end at each step, whatever lies higher. */
	for (int twice = 0; twice < 2; twice++) {
		prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 0, 0);
		prctl(PR_SET_MM, PR_SET_MM_ARG_END, at + 8, 0, 0);
		prctl(PR_SET_MM, PR_SET_MM_ENV_START, at + 100, 0, 0);
		prctl(PR_SET_MM, PR_SET_MM_ENV_END, at + 104, 0, 0);
	}
	SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 0, 0));
	SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_END, at - 1, 0, 0));
	SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_START, at, 1, 0));
	SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_START, 0, 0, 0));
	SHOW(prctl(PR_SET_MM, PR_SET_MM_ARG_START, -1, 0, 0));
	SHOW(prctl(PR_SET_MM, 100, at, 0, 0));
	show_file("/proc/self/cmdline");
	show_file("/proc/self/environ");
}

static void check_auxv(void)
{
	Elf64_auxv_t vector[64] = {0}, file[64];
	long size = prctl(GET_AUXV, vector, sizeof(vector), 0, 0), read_size;
	int fd = open("/proc/self/auxv", O_RDONLY);

	SHOW(size);
	read_size = read(fd, file, sizeof(file));
	close(fd);
	EXPECT(size == -1 || (read_size > 100 && memcmp(vector, file, (size_t)read_size) == 0));
	SHOW(prctl(GET_AUXV, vector, 16, 0, 0));
	SHOW(prctl(GET_AUXV, 1, 16, 0, 0));
	SHOW(prctl(GET_AUXV, vector, 16, 1, 0));
}

static void check_refusals(void)
{
	char *at = map(4, PROT_READ | PROT_WRITE), *code = map(4, PROT_READ | PROT_EXEC);
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700), status;
	pid_t pid;

	EXPECT(mprotect(at + PAGE, PAGE, PROT_READ | PROT_EXEC) == 0);
	SHOW(prctl(SET_MDWE, REFUSE_EXEC | NO_INHERIT, 0, 0, 0));
	SHOW(mprotect(code, 4 * PAGE, PROT_READ));
	SHOW(mprotect(code, 4 * PAGE, PROT_READ | PROT_EXEC));
	SHOW(mprotect(at + PAGE, 2 * PAGE, PROT_READ | PROT_EXEC));
	SHOW(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	SHOW(mprotect(at + PAGE, PAGE, PROT_EXEC));
	SHOW(mprotect(at + PAGE, 2 * PAGE, PROT_READ | PROT_EXEC));
	SHOW(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	SHOW(mmap(NULL, PAGE, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	SHOW(shmat(id, NULL, SHM_EXEC) == (void *)-1);
	SHOW(shmat(id, NULL, SHM_EXEC | SHM_RDONLY) == (void *)-1);
	shmctl(id, IPC_RMID, NULL);
	show_range(at, 4);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(prctl(GET_MDWE, 0, 0, 0, 0));
	SHOW(waitpid(pid, &status, 0) == pid ? status : -1);
}

int main(void)
{
	check_names();
	check_strings();
	check_auxv();
	check_refusals();
	return 0;
}

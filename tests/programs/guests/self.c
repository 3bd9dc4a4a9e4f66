/* SPDX-License-Identifier: MIT */
/* self - the program's own files in /proc: exe, cmdline, environ, comm, auxv, statm, status; `self again` is its exec of exe. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include "expect.h"

extern char **environ;

static ssize_t slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got, all = 0;

	EXPECT(fd >= 0);
	while ((got = read(fd, text + all, size - 1 - (size_t)all)) > 0)
		all += got;
	EXPECT(got == 0);
	text[all] = '\0';
	EXPECT(close(fd) == 0);
	return all;
}

static void check_exe(const char *given)
{
	char path[PATH_MAX], real[PATH_MAX], other[64], magic[8];
	struct stat a, b;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int fd;

	EXPECT(size > 0 && realpath(given, real));
	path[size] = '\0';
	EXPECT(strcmp(path, real) == 0);
	snprintf(other, sizeof(other), "/proc/%d/exe", (int)getpid());
	EXPECT(readlink(other, path, sizeof(path)) == size && strncmp(path, real, (size_t)size) == 0);
	EXPECT(readlinkat(AT_FDCWD, "/proc/self/exe", path, 3) == 3);
	fd = open("/proc/self/exe", O_RDONLY); /* stat of the name itself: docs/deviations.md */
	EXPECT(fd >= 0 && fstat(fd, &a) == 0 && close(fd) == 0);
	EXPECT(stat(real, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	slurp("/proc/self/exe", magic, sizeof(magic));
}

static void check_texts(int argc, char **argv)
{
	static char text[1 << 20];
	ssize_t size = slurp("/proc/self/cmdline", text, sizeof(text));
	char *at = text, name[17];
	long pages, other;

	for (int i = 0; i < argc; i++, at += strlen(at) + 1)
		EXPECT(strcmp(at, argv[i]) == 0);
	EXPECT(at == text + size);
	slurp("/proc/self/environ", text, sizeof(text));
	at = text;
	for (char **variable = environ; *variable; variable++, at += strlen(at) + 1)
		EXPECT(strcmp(at, *variable) == 0);
	slurp("/proc/self/comm", text, sizeof(text));
	EXPECT(prctl(PR_GET_NAME, name) == 0 && strncmp(text, name, strlen(name)) == 0);
	printf("comm %s", text);
	size = slurp("/proc/self/auxv", text, sizeof(text));
	EXPECT(size >= 32 && size % 16 == 0);
	for (unsigned long *entry = (void *)text; entry[0]; entry += 2)
		if (entry[0] == AT_RANDOM)
			EXPECT(entry[1] == getauxval(AT_RANDOM));
	slurp("/proc/self/statm", text, sizeof(text));
	EXPECT(sscanf(text, "%ld %ld", &pages, &other) == 2 && pages > 10 && pages < 1 << 20 && other > 0 && other <= pages);
	slurp("/proc/self/status", text, sizeof(text));
	EXPECT(strncmp(text, "Name:\t", 6) == 0 && strncmp(text + 6, name, strlen(name)) == 0 && text[6 + strlen(name)] == '\n');
	EXPECT(strstr(text, "VmSize:") && strstr(text, "Threads:\t1\n"));
}

/* The lowest-descriptor rule: nothing but 0, 1 and 2 is open at the start, and the next is 3. */
static void check_descriptors(void)
{
	struct dirent *entry;
	DIR *directory = opendir("/proc/self/fd");
	int count = 0, fd;

	EXPECT(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	EXPECT(count == 4 && dirfd(directory) == 3);
	EXPECT(closedir(directory) == 0);
	fd = open("/dev/null", O_RDONLY);
	EXPECT(fd == 3 && close(fd) == 0);
}

int main(int argc, char **argv)
{
	check_descriptors();
	check_exe(argc > 1 && strcmp(argv[1], "again") == 0 ? "/proc/self/exe" : (char *)getauxval(AT_EXECFN));
	check_texts(argc, argv);
	printf("%s: exe, cmdline, environ, comm, auxv, statm, status are the program's own\n", argc > 1 ? argv[1] : "first");
	fflush(stdout);
	if (argc == 1) {
		execl("/proc/self/exe", "another name", "again", NULL);
		EXPECT(!"execl returned");
	}
	return 0;
}

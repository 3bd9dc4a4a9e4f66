/* SPDX-License-Identifier: MIT */
/*
 * maps - /proc/self/maps is what programs take it for: sorted, without overlap, with [heap], [stack], [vdso] and the program's
 * path; areas that the program makes, protects and unmaps show at once; nothing there belongs to anybody else.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "expect.h"

enum { PAGE = 4096 };

struct line {
	uintptr_t start, end;
	char perms[5], path[PATH_MAX];
	unsigned long offset, inode;
	unsigned major, minor;
};

static char program[PATH_MAX];

/* The next line, in the kernel's format exactly: lower-case digits, at least 8, the path padded to column 74. */
static int next(FILE *file, struct line *l)
{
	char text[PATH_MAX + 200], again[PATH_MAX + 200];
	int size, at = 0;

	if (!fgets(text, sizeof(text), file))
		return 0;
	EXPECT(sscanf(text, "%" SCNxPTR "-%" SCNxPTR " %4s %lx %x:%x %lu %n", &l->start, &l->end, l->perms, &l->offset, &l->major,
		       &l->minor, &l->inode, &at) == 7);
	text[strcspn(text, "\n")] = '\0';
	snprintf(l->path, sizeof(l->path), "%s", text + at);
	size = snprintf(again, sizeof(again), "%08" PRIxPTR "-%08" PRIxPTR " %s %08lx %02x:%02x %lu ", l->start, l->end, l->perms,
		l->offset, l->major, l->minor, l->inode);
	if (l->path[0])
		snprintf(again + size, sizeof(again) - (size_t)size, "%*s%s", size < 73 ? 73 - size : 0, "", l->path);
	if (strcmp(text, again) != 0)
		fprintf(stderr, "<%s> is not <%s>\n", text, again);
	EXPECT(strcmp(text, again) == 0);
	return 1;
}

/* The line that holds `address`. 0: none. */
static int find(const void *address, struct line *found)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int result = 0;

	EXPECT(file);
	while (!result && next(file, found))
		result = (uintptr_t)address >= found->start && (uintptr_t)address < found->end;
	EXPECT(fclose(file) == 0);
	return result;
}

static void check_whole(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int heaps = 0, stacks = 0, texts = 0, vdsos = 0, local, other = 0;
	uintptr_t last = 0;
	struct line l;

	EXPECT(file);
	while (next(file, &l)) {
		EXPECT(l.start < l.end && l.start >= last && l.start % PAGE == 0 && l.end % PAGE == 0);
		last = l.end;
		heaps += strcmp(l.path, "[heap]") == 0;
		vdsos += strcmp(l.path, "[vdso]") == 0;
		texts += strcmp(l.path, program) == 0 && strcmp(l.perms, "r-xp") == 0;
		if (strcmp(l.path, "[stack]") == 0) {
			stacks++;
			EXPECT((uintptr_t)&local >= l.start && (uintptr_t)&local < l.end);
		}
		if (l.path[0] == '/' && !strstr(l.path, "/ld-") && !strstr(l.path, "/libc") && strcmp(l.path, program) != 0) {
			fprintf(stderr, "not ours: %s\n", l.path);
			other++;
		}
		/* No area both writable and executable. */
		EXPECT(l.perms[1] != 'w' || l.perms[2] != 'x');
	}
	EXPECT(fclose(file) == 0);
	printf("%d heap, %d stack, %d text, %d vdso, %d unknown\n", heaps, stacks, texts, vdsos, other);
}

static void check_anonymous(void)
{
	char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct line l;

	EXPECT(at != MAP_FAILED);
	EXPECT(find(at, &l) && strcmp(l.perms, "rw-p") == 0 && l.inode == 0);
	EXPECT(mprotect(at + 4 * PAGE, PAGE, PROT_NONE) == 0);
	EXPECT(find(at + 4 * PAGE, &l) && strcmp(l.perms, "---p") == 0);
	EXPECT(l.start == (uintptr_t)at + 4 * PAGE && l.end == l.start + PAGE);
	EXPECT(munmap(at + 6 * PAGE, 2 * PAGE) == 0);
	EXPECT(!find(at + 6 * PAGE, &l) && !find(at + 7 * PAGE, &l));
	EXPECT(find(at + 8 * PAGE, &l) && l.start == (uintptr_t)at + 8 * PAGE);
	EXPECT(munmap(at, 16 * PAGE) == 0);
	EXPECT(!find(at, &l) && !find(at + 15 * PAGE, &l));
	puts("anonymous areas come and go");
}

static void check_file(void)
{
	char name[PATH_MAX], *at;
	int fd = open("maps-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat status;
	struct line l;

	EXPECT(fd >= 0 && ftruncate(fd, 8 * PAGE) == 0 && fstat(fd, &status) == 0);
	at = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 3 * PAGE);
	EXPECT(at != MAP_FAILED && close(fd) == 0 && realpath("maps-file", name));
	EXPECT(find(at, &l) && strcmp(l.path, name) == 0 && strcmp(l.perms, "r--s") == 0 && l.offset == 3 * PAGE);
	EXPECT(l.inode == status.st_ino && l.major == major(status.st_dev) && l.minor == minor(status.st_dev));
	EXPECT(unlink("maps-file") == 0);
	EXPECT(find(at, &l) && strncmp(l.path, name, strlen(name)) == 0 && strcmp(l.path + strlen(name), " (deleted)") == 0);
	EXPECT(munmap(at, 2 * PAGE) == 0);
	puts("files show with offset, device and inode");
}

int main(void)
{
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

	EXPECT(size > 0);
	program[size] = '\0';
	free(malloc(1000));
	check_whole();
	check_anonymous();
	check_file();
	return 0;
}

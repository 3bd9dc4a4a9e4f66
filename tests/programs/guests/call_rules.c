/* SPDX-License-Identifier: MIT */
/*
 * call_rules - the rules of the memory calls, one by one, as the man pages and the kernel have them: what is done before an error, what
 * is refused and how, what is seen in the pages. Prints each call with its answer, and maps in pages from a base.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

#define P                                         4096L
#define PRIVATE                                   (MAP_PRIVATE | MAP_ANONYMOUS)
#define AT(page)                                  (base + ((page) + 5) * P)
#define SEAL(page, pages)                         syscall(462, AT(page), (pages)*P, 0L)
#define MAP(page, pages, prot)                    mmap(AT(page), (pages)*P, prot, PRIVATE | MAP_FIXED, -1, 0)
#define MAP_FILE_AT(page, pages, prot, flags, fd) mmap(AT(page), (pages)*P, prot, (flags) | MAP_FIXED, fd, 0)
#define SAY(call)                                 (errno = 0, say(#call, (long)(call)))

enum { RW = PROT_READ | PROT_WRITE, PAGES = 1100, TO = MREMAP_MAYMOVE | MREMAP_FIXED };
enum { DONTNEED_LOCKED = 24, COLLAPSE = 25, GUARD_INSTALL = 102, GUARD_REMOVE = 103, SYS_BRK = 12, SYS_MLOCK2 = 325 };

static char *base;
static int file, program;

/* Addresses as pages from the base. */
static void say(const char *call, long result)
{
	if (result >= (long)base && result < (long)(base + PAGES * P))
		result = (result - (long)base) / P - 5;
	else if (result > 0x10000)
		result = 0x10000;
	printf("%s = %ld, errno %d\n", call, result, result == -1 ? errno : 0);
}

static void show(void)
{
	unsigned long start, end;
	char line[300], perms[5];
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 && start >= (unsigned long)base &&
			start < (unsigned long)(base + PAGES * P))
			printf("  %ld+%ld %s\n", (long)(start - (unsigned long)base) / P - 5, (long)(end - start) / P, perms);
	fclose(maps);
}

/* What a child sees there, or the signal that it dies of. */
static int sees(const char *at)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	EXPECT(child >= 0);
	if (!child)
		_exit(*(const volatile char *)at);
	EXPECT(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit limit;

	EXPECT(getrlimit(resource, &limit) == 0);
	limit.rlim_cur = value == RLIM_INFINITY ? limit.rlim_max : value;
	EXPECT(setrlimit(resource, &limit) == 0);
}

static void protect(void)
{
	puts("mprotect partial");
	MAP(0, 4, RW);
	MAP(6, 4, RW);
	MAP_FILE_AT(10, 4, 1, MAP_SHARED, program);
	SAY(mprotect(AT(2), 6 * P, 1));
	show();
	SAY(mprotect(AT(8), 6 * P, 3));
	show();
	SAY(mprotect(AT(5), 2 * P, 1));
	SAY(mprotect(AT(0), -1L, 1));
	show();
	SAY(mprotect(AT(0), P, PROT_GROWSDOWN | 1));
	SAY(mprotect(AT(0), P, PROT_GROWSUP | 1));
}

static void seals(void)
{
	int zero = open("/dev/zero", O_RDWR);

	puts("sealed fixed");
	MAP(20, 8, RW);
	SAY(SEAL(22, 2));
	SAY(MAP(20, 8, 1));
	SAY(MAP(20, 2, 1));
	SAY(MAP(23, 1, 1));
	SAY(munmap(AT(18), 10 * P));
	SAY(mprotect(AT(20), 8 * P, 1));
	SAY(mprotect(AT(22), P, 3));
	SAY(mremap(AT(22), P, 2 * P, 1));
	SAY(mremap(AT(24), 4 * P, 4 * P, TO, AT(22)));
	SAY(madvise(AT(22), 2 * P, MADV_DONTNEED));
	SAY(SEAL(26, 20));
	SAY(SEAL(28, 1));
	SAY(syscall(462, AT(22) + 1, P, 0L));
	SAY(syscall(462, AT(22), P, 1L));
	SAY(syscall(462, AT(22), 0L, 0L));
	SAY(syscall(462, AT(999), 0L, 0L));
	MAP(32, 1, 1);
	SEAL(32, 1);
	SAY(madvise(AT(32), P, MADV_DONTNEED));
	SAY(madvise(AT(32), P, MADV_FREE));
	SAY(madvise(AT(32), P, MADV_WIPEONFORK));
	SAY(madvise(AT(32), P, MADV_DONTFORK));
	SAY(madvise(AT(32), P, GUARD_INSTALL));
	SAY(madvise(AT(32), P, MADV_REMOVE));
	SAY(madvise(AT(32), P, DONTNEED_LOCKED));
	MAP_FILE_AT(34, 2, 1, MAP_PRIVATE, file);
	SEAL(34, 2);
	SAY(madvise(AT(34), P, MADV_DONTNEED));
	MAP_FILE_AT(37, 2, RW, MAP_PRIVATE, file);
	*AT(37) = 77;
	mprotect(AT(37), 2 * P, 1);
	SEAL(37, 2);
	SAY(madvise(AT(37), P, MADV_DONTNEED));
	SAY(*AT(37));
	SAY(madvise(AT(38), P, MADV_DONTNEED));
	MAP_FILE_AT(40, 2, 1, MAP_SHARED, file);
	SEAL(40, 2);
	SAY(madvise(AT(40), P, MADV_DONTNEED));
	/* private /dev/zero is anonymous memory */
	for (int shared = 0; shared < 2; shared++) {
		MAP_FILE_AT(44 + 2 * shared, 1, PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE, zero);
		SEAL(44 + 2 * shared, 1);
		SAY(madvise(AT(44 + 2 * shared), P, MADV_DONTNEED));
		SAY(madvise(AT(43 + 2 * shared), 2 * P, MADV_DONTFORK));
	}
}

static void sync_rules(void)
{
	puts("msync");
	MAP(50, 2, RW);
	MAP(54, 2, RW);
	SAY(msync(AT(50), 6 * P, MS_ASYNC));
	SAY(msync(AT(50), 2 * P, MS_SYNC | MS_ASYNC));
	SAY(msync(AT(50), 2 * P, 8));
	SAY(msync(AT(50) + 1, P, MS_SYNC));
	SAY(msync(AT(50), 0, MS_SYNC));
	SAY(msync(AT(52), 0, MS_SYNC));
	SAY(msync(AT(50), -1L, MS_SYNC));
	SAY(msync(AT(50), -P, MS_SYNC));
	SAY(msync(AT(50), P, 0));
	mlock(AT(50), P);
	SAY(msync(AT(50), 2 * P, MS_INVALIDATE));
	SAY(msync(AT(50), 6 * P, MS_INVALIDATE));
	SAY(msync(AT(52), 6 * P, MS_INVALIDATE | MS_SYNC));
	munlock(AT(50), P);
}

static void locks(void)
{
	puts("mlock");
	SAY(mlock(AT(50), 6 * P));
	SAY(munlock(AT(50), 6 * P));
	SAY(mlock(AT(52), P));
	SAY(mlock(AT(50) + 5, 1));
	SAY(mlock(AT(50), -1L));
	SAY(mlock(AT(50), 0));
	SAY(mlock(AT(52), 0));
	SAY(syscall(SYS_MLOCK2, AT(50), P, 2L));
	SAY(syscall(SYS_MLOCK2, AT(50), P, 1L));
	SAY(munlock(AT(50), 2 * P));
	MAP(58, 1, 0);
	SAY(mlock(AT(58), P));
	SAY(mlockall(0));
	SAY(mlockall(8));
	SAY(mlockall(MCL_ONFAULT));
	SAY(munlockall());
}

static void guards(void)
{
	puts("guard");
	MAP(60, 6, RW);
	memset(AT(60), 5, 6 * P);
	SAY(madvise(AT(61), 2 * P, GUARD_INSTALL));
	SAY(sees(AT(60)));
	SAY(sees(AT(61)));
	SAY(sees(AT(63)));
	SAY(madvise(AT(61), P, GUARD_REMOVE));
	SAY(sees(AT(61)));
	SAY(sees(AT(62)));
	SAY(madvise(AT(62), P, MADV_DONTNEED));
	SAY(sees(AT(62)));
	SAY(madvise(AT(58), 4 * P, GUARD_INSTALL));
	SAY(madvise(AT(66), P, GUARD_INSTALL));
	SAY(madvise(AT(60), P, MADV_POPULATE_WRITE));
	SAY(madvise(AT(62), P, MADV_POPULATE_WRITE));
	mlock(AT(65), P);
	SAY(madvise(AT(65), P, GUARD_INSTALL));
	SAY(madvise(AT(65), P, DONTNEED_LOCKED));
	SAY(*AT(65));
	SAY(mprotect(AT(61), 3 * P, 1));
	SAY(sees(AT(62)));
	SAY(mremap(AT(61), 3 * P, 3 * P, TO, AT(70)));
	SAY(sees(AT(71)));
	MAP_FILE_AT(80, 4, RW, MAP_SHARED, file);
	SAY(madvise(AT(80), P, GUARD_INSTALL));
	SAY(sees(AT(80)));
	SAY(madvise(AT(80), P, GUARD_REMOVE));
	SAY(sees(AT(81)));
}

static void advice(void)
{
	puts("others");
	MAP(90, 4, RW);
	memset(AT(90), 7, 4 * P);
	SAY(madvise(AT(90), P, MADV_FREE));
	SAY(madvise(AT(90), 4 * P, MADV_PAGEOUT));
	SAY(*AT(91));
	SAY(madvise(AT(90), 4 * P, COLLAPSE));
	SAY(madvise(AT(90), 4 * P, MADV_COLD));
	SAY(madvise(AT(90), 4 * P, MADV_HUGEPAGE));
	SAY(madvise(AT(90), 4 * P, MADV_NOHUGEPAGE));
	SAY(madvise(AT(90), 4 * P, MADV_MERGEABLE));
	SAY(*AT(92));
	SAY(madvise(AT(90), 4 * P, MADV_UNMERGEABLE));
	SAY(madvise(AT(90), 0, MADV_DONTNEED));
	SAY(madvise(AT(90), 0, 99));
	SAY(madvise(AT(90) + 1, 0, MADV_DONTNEED));
	SAY(madvise(AT(94), P, MADV_DONTNEED));
	SAY(madvise(AT(93), 2 * P, MADV_DONTNEED));
	SAY(*AT(93));
	SAY(madvise(AT(90), -P, MADV_DONTNEED));
	SAY(madvise(AT(90), -1L, MADV_DONTNEED));
	SAY(madvise(AT(80), P, MADV_FREE));
	SAY(madvise(AT(80), P, MADV_REMOVE));
	SAY(*AT(80));
	SAY(*AT(81));
	SAY(madvise(AT(80), P, MADV_WIPEONFORK));
	SAY(madvise(AT(80), P, MADV_DONTNEED));
	SAY(madvise(AT(92), 4 * P, MADV_POPULATE_READ));
	SAY(madvise(AT(80), P, MADV_POPULATE_READ));
	SAY(madvise(AT(58), P, MADV_POPULATE_READ));
}

static void breaks(void)
{
	char *h = sbrk(0), *n;

	puts("brk");
	SAY(syscall(SYS_BRK, 0L) == (long)h ? 0 : 1);
	SAY(syscall(SYS_BRK, h + 5) == (long)h + 5);
	SAY(syscall(SYS_BRK, h + 5 * P) == (long)h + 5 * P);
	h[3 * P] = 1;
	SAY(syscall(SYS_BRK, h + P) == (long)h + P);
	SAY(syscall(SYS_BRK, h + 5 * P) == (long)h + 5 * P);
	SAY(h[3 * P]);
	limit(RLIMIT_DATA, 64 * P);
	SAY(syscall(SYS_BRK, h + 500 * P) == (long)h + 5 * P);
	limit(RLIMIT_DATA, RLIM_INFINITY);
	SAY(syscall(SYS_BRK, h + 500 * P) == (long)h + 500 * P);
	n = (char *)(((long)h + 600 * P) & -P);
	SAY(mmap(n, P, 3, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == n);
	SAY(syscall(SYS_BRK, n) == (long)h + 500 * P);
	SAY(syscall(SYS_BRK, n - P) == (long)(n - P));
	SAY(syscall(SYS_BRK, n - P + 1) == (long)(n - P));
	SAY(munmap(n, P));
	SAY(syscall(SYS_BRK, 1L) == (long)(n - P));
	SAY(syscall(SYS_BRK, -1L) == (long)(n - P));
	munmap(h + P, P);
	SAY(syscall(SYS_BRK, h) == (long)h);
}

static void residents(void)
{
	unsigned char v[10];

	puts("mincore");
	memset(v, 9, 10);
	SAY(mincore(AT(90), 4 * P, v));
	printf("%d %d %d %d %d\n", v[0] & 1, v[1] & 1, v[2] & 1, v[3] & 1, v[4]);
	SAY(mincore(AT(92), 4 * P, v));
	SAY(mincore(AT(90) + 1, P, v));
	SAY(mincore(AT(90), 0, v));
	SAY(mincore(AT(90), P, (void *)8));
	SAY(mincore(AT(90), -1L, v));
	SAY(mincore(AT(90), P, (void *)-1L));
}

static void limits(void)
{
	puts("data limit");
	limit(RLIMIT_DATA, 0);
	SAY(mmap(0, P, 3, PRIVATE, -1, 0));
	SAY(mmap(0, P, 1, PRIVATE, -1, 0));
	SAY(mprotect(AT(58), P, 3));
	SAY(mremap(AT(90), 4 * P, 8 * P, 1));
	limit(RLIMIT_DATA, RLIM_INFINITY);
	limit(RLIMIT_AS, 1 << 20);
	SAY(mmap(0, P, 0, PRIVATE, -1, 0));
	SAY(mremap(AT(90), 4 * P, 4 * P, TO, AT(100)));
}

/* Sizes and addresses that no mapping has: which error goes first. */
static void extremes(void)
{
	enum { HUGE = PRIVATE | MAP_HUGETLB | MAP_NORESERVE };
	void *last = (void *)-1ul, *end = (void *)0x7ffffffff000;
	size_t all = 0x7ffffffff000;

	puts("extremes");
	SAY(MAP(0, 4, 3));
	SAY(mprotect(AT(0), -4096ul, PROT_EXEC));
	SAY(mprotect(AT(0), 1ul << 47, PROT_EXEC | PROT_READ));
	SAY(mmap(AT(0), 1ul << 47, PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 999, 0));
	SAY(mmap(AT(0), -8192ul, PROT_EXEC, PRIVATE | MAP_FIXED, -1, 0));
	SAY(mmap(NULL, all, PROT_READ, MAP_PRIVATE, file, -4096));
	SAY(mmap(NULL, all, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, file, 0));
	SAY(mmap(last, P, PROT_READ, PRIVATE | MAP_FIXED, -1, 0));
	SAY(mmap(end, P, PROT_READ, HUGE | MAP_FIXED, -1, 0));
	SAY(mmap(end, P, PROT_READ, PRIVATE | MAP_FIXED, -1, 0));
	SAY(mmap(end - 1, P, PROT_READ, PRIVATE | MAP_FIXED, -1, 0));
	SAY(MAP_FILE_AT(8, 2, PROT_READ, MAP_SHARED, program));
	SAY(syscall(SYS_remap_file_pages, AT(8), P, 0L, -1ul >> 12, 0L));
	SAY(syscall(SYS_remap_file_pages, AT(8), P, 0L, 1L, 0L));
	SAY(munmap(AT(0), 10 * P));
}

int main(void)
{
	file = memfd_create("file", 0);
	program = open("/proc/self/exe", O_RDONLY);
	EXPECT(file >= 0 && program >= 0 && ftruncate(file, 100 * P) == 0);
	base = mmap(NULL, PAGES * P, PROT_NONE, PRIVATE, -1, 0);
	EXPECT(base != MAP_FAILED && munmap(base, PAGES * P) == 0);
	protect();
	seals();
	sync_rules();
	locks();
	guards();
	advice();
	breaks();
	residents();
	extremes();
	limits();
	return 0;
}

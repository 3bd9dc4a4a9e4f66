/* SPDX-License-Identifier: MIT */
/* limits - RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK and others bind this process, are inherited, and read back. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "expect.h"

enum { MIB = 1 << 20 };

static void *map(size_t size, int flags)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void set(int what, rlim_t soft)
{
	struct rlimit limit;

	EXPECT(getrlimit((__rlimit_resource_t)what, &limit) == 0);
	limit.rlim_cur = soft;
	EXPECT(setrlimit((__rlimit_resource_t)what, &limit) == 0);
	EXPECT(getrlimit((__rlimit_resource_t)what, &limit) == 0 && limit.rlim_cur == soft);
}

static void check_space(int what, const char *name)
{
	void *before = map(16 * MIB, 0), *at;
	int status;
	pid_t pid;

	EXPECT(before != MAP_FAILED);
	set(what, 200 * MIB);
	EXPECT(map(400 * (size_t)MIB, 0) == MAP_FAILED && errno == ENOMEM);
	at = map(50 * MIB, 0);
	EXPECT(at != MAP_FAILED);
	EXPECT(mremap(at, 50 * MIB, 300 * (size_t)MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
	EXPECT(malloc(250 * (size_t)MIB) == NULL && errno == ENOMEM);
	EXPECT(munmap(at, 50 * MIB) == 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(map(400 * (size_t)MIB, 0) == MAP_FAILED && errno == ENOMEM);
		EXPECT(map(20 * MIB, 0) != MAP_FAILED);
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	set(what, RLIM_INFINITY);
	at = map(400 * (size_t)MIB, 0);
	EXPECT(at != MAP_FAILED && munmap(at, 400 * (size_t)MIB) == 0 && munmap(before, 16 * MIB) == 0);
	printf("%s binds\n", name);
}

/* As long as the process may lock without limit (CAP_IPC_LOCK), there is nothing to see but the values. */
static void check_lock(void)
{
	char *at = map(4 * MIB, 0);

	EXPECT(at != MAP_FAILED && mlock(at, 8192) == 0 && munlock(at, 8192) == 0);
	set(RLIMIT_MEMLOCK, 64 << 10);
	EXPECT(munmap(at, 4 * MIB) == 0);
	puts("RLIMIT_MEMLOCK reads back");
}

static void check_inheritance(char *self)
{
	struct rlimit limit = {.rlim_cur = 300 * MIB, .rlim_max = 400 * MIB};

	EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = 4 * MIB;
	limit.rlim_max = 8 * MIB;
	EXPECT(setrlimit(RLIMIT_STACK, &limit) == 0);
	EXPECT(prlimit(0, RLIMIT_AS, NULL, &limit) == 0 && limit.rlim_cur == 300 * MIB && limit.rlim_max == 400 * MIB);
	limit.rlim_cur = limit.rlim_max + 1;
	EXPECT(prlimit(0, RLIMIT_AS, &limit, NULL) == -1 && errno == EINVAL);
	fflush(stdout);
	execl(self, "limits", "inherited", NULL);
	EXPECT(!"execl returned");
}

static int inherited(void)
{
	struct rlimit limit;

	EXPECT(getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == 300 * MIB && limit.rlim_max == 400 * MIB);
	EXPECT(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == 4 * MIB && limit.rlim_max == 8 * MIB);
	EXPECT(map(400 * (size_t)MIB, MAP_NORESERVE) == MAP_FAILED && errno == ENOMEM);
	EXPECT(map(100 * MIB, 0) != MAP_FAILED);
	puts("limits are inherited by exec");
	return 0;
}

int main(int argc, char **argv)
{
	EXPECT(argc == 2);
	if (strcmp(argv[1], "inherited") == 0)
		return inherited();
	check_space(RLIMIT_AS, "RLIMIT_AS");
	check_space(RLIMIT_DATA, "RLIMIT_DATA");
	check_lock();
	check_inheritance(argv[1]);
	return 0;
}

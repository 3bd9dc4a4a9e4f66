/* SPDX-License-Identifier: MIT */
#include "elf/load_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/linux/linux_host.h"
#include "tulou/inspect.h"

struct tulou *pool;
struct program *program;
const unsigned long *host_auxv;

static unsigned long auxv_bytes[128];

static uint32_t self(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return owner == 1;
}

static __attribute__((noreturn)) void panic(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "panic: %s\n", what);
	abort();
}

int load_fixture_setup(void **state)
{
	static char directory[] = "test_program_load.XXXXXX";
	static const struct linux_host_tasks tasks = {.self = self, .alive = alive, .panic = panic};
	static struct linux_host host;
	/* Far from everything that a sanitizer puts into the address space. */
	const struct tulou_config config = {.start = 0x200000000000ul, .end = 0x500000000000ul, .check_level = 3};
	int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
	*state = directory;
	if (fd < 0 || read(fd, auxv_bytes, sizeof(auxv_bytes) - 16) <= 0 || close(fd) != 0)
		return -1;
	host_auxv = auxv_bytes;
	if (!mkdtemp(directory) || chdir(directory) != 0)
		return -1;
	program = program_create();
	linux_host_init(&host, &tasks, 0);
	return program ? tulou_create(&pool, &host.host, &config) : -1;
}

int load_fixture_teardown(void **state)
{
	program_destroy(program);
	tulou_destroy(pool);
	return chdir("..") != 0 || rmdir(*state) != 0;
}

static void strings_set(struct strings *s, const char *const *texts)
{
	strings_init(s);
	for (; *texts; texts++)
		assert_int_equal(strings_append(s, *texts), 0);
}

long load_program(struct load *l, const char *path, const char *const *argv, const char *const *envp, size_t stack_size)
{
	strings_set(&l->argv, argv);
	strings_set(&l->envp, envp);
	assert_int_equal(tulou_process_vm_create(pool, 7, &l->vm), 0);
	assert_int_equal(program_open(program, AT_FDCWD, path, 0, &l->argv), 0);
	assert_false(program->native);
	long error = program_load(program, l->vm, &l->argv, &l->envp, host_auxv, stack_size, &l->start);
	program_close(program);
	return error;
}

void load_fini(struct load *l)
{
	char what[200] = "";
	struct tulou_stats stats;
	if (tulou_check(pool, what, sizeof(what)) != 0)
		fail_msg("%s", what);
	tulou_process_vm_unref(l->vm);
	tulou_stats(pool, &stats);
	assert_int_equal(stats.used, 0);
	strings_fini(&l->argv);
	strings_fini(&l->envp);
}

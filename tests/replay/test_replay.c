/* SPDX-License-Identifier: MIT */
/* test_replay.c - short logs: who has which memory, what is assumed, and that a wrong answer is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "replay/replay.h"

static struct replay replay;

static void begin_on(const char *host)
{
	memset(&replay, 0, sizeof(replay));
	replay.verify = true;
	replay.out = tmpfile();
	assert_non_null(replay.out);
	assert_int_equal(replay_init(&replay, place_create(host), 3), 0);
}

static void begin(void)
{
	begin_on("sim");
}

static void say(const char *line)
{
	replay_line(&replay, line, strlen(line), false);
}

/* The memory of a task: 0 when it has none. */
static struct memory *memory_of(uint32_t pid)
{
	struct task *task = task_find(&replay, pid);

	return task ? task->memory : NULL;
}

static uint64_t bytes_of(uint32_t pid)
{
	return memory_of(pid) ? range_map_bytes(&memory_of(pid)->map) : 0;
}

static uint64_t end(void)
{
	replay_finish(&replay);
	replay_fini(&replay);
	place_destroy(replay.place);
	fclose(replay.out);
	return replay.stats.differences;
}

#define ANON "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"

static void wrong_answers_are_found(void **state)
{
	(void)state;
	begin();
	say("1 mmap(NULL, 8192, " ANON ") = 0x7f0000000000");
	say("1 munmap(0x7f0000000000, 0) = 0");
	assert_int_equal(replay.stats.differences, 1);
	say("1 mmap(NULL, 0, " ANON ") = -1 ENOMEM (Cannot allocate memory)");
	say("1 mprotect(0x7f0000000001, 4096, PROT_READ) = 0");
	say("1 mprotect(0x7f0000000000, 8192, PROT_READ) = -1 EACCES (Permission denied)");
	say("1 brk(NULL) = 0x555555559000");
	say("1 brk(0x55555557a000) = 0x55555557b000");
	say("1 mremap(0x7f0000000000, 8192, 0, 0) = 0x7f0000000000");
	say("1 mmap(NULL, 4096, " ANON ") = -1 ENOMEM (Cannot allocate memory)");
	assert_int_equal(end(), 5);
	assert_int_equal(replay.stats.excused[EXCUSE_MACHINE], 1);
}

static void places(void **state)
{
	(void)state;
	begin();
	/* neighbours there, which are none here: one call over both */
	say("1 mmap(NULL, 8192, " ANON ") = 0x7f0000002000");
	say("1 mmap(NULL, 8192, " ANON ") = 0x7f0000000000");
	say("1 mprotect(0x7f0000001000, 8192, PROT_READ) = 0");
	say("1 mremap(0x7f0000001000, 8192, 16384, MREMAP_MAYMOVE) = 0x7f1000000000");
	assert_int_equal(bytes_of(1), 2 * 4096 + 16384);
	say("1 mmap(0x7f0000001000, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = 0x7f0000001000");
	say("1 munmap(0x7f0000000000, 16384) = 0");
	say("1 mprotect(0x7f0000000000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)");
	say("1 munmap(0x7f1000000000, 16384) = 0");
	assert_int_equal(bytes_of(1), 0);
	assert_int_equal(replay.stats.assumed, 0);
	assert_int_equal(end(), 0);
}

static void assumed(void **state)
{
	(void)state;
	begin();
	say("1 mprotect(0x555555558000, 4096, PROT_READ) = 0");
	say("1 mremap(0x7f0000000000, 8192, 4096, MREMAP_MAYMOVE) = 0x7f0000000000");
	say("1 munmap(0x7f2000000000, 4096) = 0");
	say("1 brk(0x55555557b000) = 0x55555557b000");
	assert_int_equal(replay.stats.assumed, 2);
	assert_int_equal(replay.stats.assumed_bytes, 3 * 4096);
	assert_int_equal(end(), 0);
}

static void processes(void **state)
{
	(void)state;
	begin();
	say("1 brk(NULL) = 0x555555559000");
	say("1 brk(0x55555557a000) = 0x55555557a000");
	say("1 mprotect(0x555555560000, 4096, PROT_NONE) = 0");
	say("1 munmap(0x555555562000, 4096) = 0");
	say("1 mmap(NULL, 8192, " ANON ") = 0x7f0000000000");
	say("1 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3</a>, 0) = 0x7f0000002000");
	/* the child's first line stands before the parent's second */
	say("1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>");
	say("2 munmap(0x7f0000000000, 4096) = 0");
	say("1 <... clone resumed>, child_tidptr=0x7fb685942510) = 2");
	assert_true(memory_of(1) != memory_of(2));
	assert_int_equal(bytes_of(2), bytes_of(1) - 4096);
	say("2 brk(0x555555559000) = 0x555555559000");
	say("1 mprotect(0x7f0000000000, 16384, PROT_NONE) = 0");
	/* a thread, a child by vfork, a program */
	say("2 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x1}, 88) = 3");
	say("3 vfork( <unfinished ...>");
	say("4 mmap(NULL, 4096, " ANON ") = 0x7f0000008000");
	assert_true(memory_of(3) == memory_of(2) && memory_of(4) == memory_of(2));
	say("4 execve(\"/bin/true\", [\"true\"], 0x7ffe /* 1 var */ <unfinished ...>");
	say("3 <... vfork resumed>) = 4");
	say("4 <... execve resumed>) = 0");
	assert_int_equal(bytes_of(4), 0);
	assert_true(bytes_of(2) > 0);
	say("3 exit_group(0) = ?");
	assert_null(memory_of(2));
	say("2 munmap(0x7f0000000000, 4096) = 0");
	say("2 +++ exited with 0 +++");
	assert_null(task_find(&replay, 2));
	assert_int_equal(replay.stats.processes, 2);
	assert_int_equal(replay.stats.threads, 1);
	assert_int_equal(end(), 0);
}

static void halves(void **state)
{
	(void)state;
	begin();
	say("1 mmap(NULL, 4096, " ANON ") = 0x7f0000000000");
	say("1 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x1}, 88) = 2");
	/* 2 is given the range before 1 hears that it is gone */
	say("1 munmap(0x7f0000000000, 4096 <unfinished ...>");
	say("2 mmap(NULL, 4096, " ANON ") = 0x7f0000000000");
	say("1 <... munmap resumed>) = 0");
	assert_int_equal(bytes_of(1), 4096);
	assert_int_equal(replay.stats.stale, 0);
	say("1 <... munmap resumed>) = 0");
	say("1 mmap(NULL, 4096, " ANON " <unfinished ...>");
	say("1 brk(NULL) = 0x555555559000");
	say("2 munmap(0x7f0000000000, 4096 <unfinished ...>");
	say("2 +++ exited with 0 +++");
	assert_int_equal(replay.stats.skip_count, 2);
	assert_int_equal(bytes_of(1), 0);
	assert_int_equal(end(), 0);
}

/* Locked pages are not advised away, sealed ones stay; a wrong answer to each call is found. */
static void locks_and_seals(void **state)
{
	(void)state;
	begin();
	say("1 mmap(NULL, 16384, " ANON ") = 0x7f0000000000");
	say("1 mlock(0x7f0000000800, 4096) = 0");
	say("1 madvise(0x7f0000001000, 4096, MADV_DONTNEED) = -1 EINVAL (Invalid argument)");
	say("1 madvise(0x7f0000002000, 4096, MADV_DONTNEED) = 0");
	say("1 munlock(0x7f0000000000, 16384) = 0");
	say("1 mlock2(0x7f0000002000, 4096, MLOCK_ONFAULT) = 0");
	say("1 mlock2(0x7f0000002000, 4096, 0x2) = -1 EINVAL (Invalid argument)");
	say("1 munlock(0x7f0000003000, 8192) = -1 ENOMEM (Cannot allocate memory)");
	say("1 mlockall(MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT) = 0");
	say("1 munlockall() = 0");
	say("1 madvise(0x7f0000002000, 4096, MADV_DONTNEED) = 0");
	/* more than that machine let it lock: nothing is locked */
	say("1 mlock(0x7f0000000000, 16384) = -1 ENOMEM (Cannot allocate memory)");
	say("1 madvise(0x7f0000000000, 16384, MADV_DONTNEED) = 0");
	say("1 mincore(0x7f0000000000, 16384, [1, 0, 0, 0]) = 0");
	say("1 mincore(0x7f0000003000, 8192, 0x7ffe00000000) = -1 ENOMEM (Cannot allocate memory)");
	say("1 mseal(0x7f0000000000, 4096, 0) = 0");
	say("1 mprotect(0x7f0000000000, 4096, PROT_READ) = -1 EPERM (Operation not permitted)");
	say("1 munmap(0x7f0000001000, 12288) = 0");
	assert_int_equal(replay.stats.excused[EXCUSE_MACHINE], 1);
	assert_int_equal(replay.stats.skip_count, 0);
	assert_int_equal(replay.stats.differences, 0);
	say("1 mincore(0x7f0000000001, 1, [0]) = 0");
	say("1 mlock2(0x7f0000000000, 4096, 0x4) = 0");
	say("1 mseal(0x7f0000000000, 4096, 0x1) = 0");
	say("1 munlockall() = -1 EINVAL (Invalid argument)");
	assert_int_equal(end(), 4);
}

/* What the flat host's header says it refuses is no difference there, and is counted; other answers are compared. */
static void flat_refuses(void **state)
{
	(void)state;
	begin_on("flat");
	say("1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3</a>, 0) = 0x7f0000000000");
	say("1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, 3</a>, 0) = 0x7f0000004000");
	say("1 madvise(0x7f0000000000, 4096, MADV_RANDOM) = 0");
	say("1 madvise(0x7f0000000000, 4096, MADV_DONTNEED) = 0");
	say("1 mlock(0x7f0000000000, 4096) = 0");
	say("1 mincore(0x7f0000000000, 4096, [0]) = 0");
	assert_int_equal(replay.stats.excused[EXCUSE_HOST], 2);
	assert_int_equal(replay.stats.skip_count, 2);
	say("1 munmap(0x7f0000000000, 0) = 0");
	assert_int_equal(end(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_answers_are_found),
		cmocka_unit_test(places),
		cmocka_unit_test(assumed),
		cmocka_unit_test(processes),
		cmocka_unit_test(halves),
		cmocka_unit_test(locks_and_seals),
		cmocka_unit_test(flat_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

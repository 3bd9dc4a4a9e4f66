/* SPDX-License-Identifier: MIT */
/* test_parse_line.c - lines of strace's as they come, with every option that changes them, and lines that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "replay/record.h"

/* From a block of exactly its size, so that ASan sees a step too far. */
static struct record parse(const char *line)
{
	size_t size = strlen(line);
	char *copy = malloc(size ? size : 1);
	struct record record;

	memcpy(copy, line, size);
	record_parse(&record, copy, size);
	free(copy);
	return record;
}

static void mmap_is(const char *line, uint32_t pid)
{
	struct record record = parse(line);

	assert_int_equal(record.kind, RECORD_CALL);
	assert_int_equal(record.call, CALL_MMAP);
	assert_int_equal(record.pid, pid);
	assert_false(record.unknown);
	assert_int_equal(record.arg_count, 6);
	assert_int_equal(record.args[0], 0);
	assert_int_equal(record.args[1], 8192);
	assert_int_equal(record.args[2], PROT_READ | PROT_WRITE);
	assert_int_equal(record.args[3], MAP_PRIVATE | MAP_ANONYMOUS);
	assert_int_equal((int)record.args[4], -1);
	assert_int_equal(record.args[5], 0);
	assert_true(record.has_result);
	assert_int_equal(record.error, 0);
	assert_int_equal(record.result, 0x7f4908d67000);
}

#define MMAP "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f4908d67000"

static void prefixes(void **state)
{
	(void)state;
	mmap_is(MMAP, 0);
	mmap_is("9732  " MMAP, 9732);
	mmap_is("9732\t" MMAP, 9732);
	mmap_is("[pid  9732] " MMAP, 9732);
	mmap_is("9732<python3> " MMAP, 9732);
	mmap_is("[pid  9732<a b>] " MMAP, 9732);
	mmap_is("9732  12:34:56 " MMAP, 9732);
	mmap_is("9732  12:34:56.123456 " MMAP, 9732);
	mmap_is("9732  1700000000.123456 " MMAP, 9732);
	mmap_is("9732       0.000123 " MMAP, 9732);
}

static void spellings(void **state)
{
	(void)state;
	mmap_is("9732 " MMAP " <0.000012>", 9732);
	mmap_is("9732 [00007f8a5c4e1a9b] " MMAP, 9732);
	mmap_is("9732 [   9] " MMAP, 9732);
	mmap_is("9732 " MMAP "\r", 9732);
	mmap_is("9732 mmap(0, 0x2000, 0x3, 0x22, 0xffffffff, 0) = 0x7f4908d67000", 9732);
	mmap_is("9732 mmap(NULL, 8192, 0x3 /* PROT_READ|PROT_WRITE */, 0x22 /* MAP_PRIVATE|MAP_ANONYMOUS */, -1, 0) = "
		"0x7f4908d67000",
		9732);
	mmap_is("9732 mmap(NULL,8192,PROT_READ | PROT_WRITE,MAP_PRIVATE|MAP_ANON,-1,0)=0x7f4908d67000", 9732);
}

static void files(void **state)
{
	struct record a = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</etc/a, (b) \"<c>\">, 0x1000) = 0x7f0000000000");
	struct record b = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 7</etc/a, (b) \"<c>\">, 0x1000) = 0x7f0000000000");
	struct record c = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 7</etc/d>, 0x1000) = 0x7f0000000000");
	struct record d = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 7</dev/dri/card0<char 226:0>>, 0) = 0x7f0000000000");
	struct record e = parse("1 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 7</memfd:x>(deleted), 0) = 0x7f0000000000");

	(void)state;
	assert_int_equal(a.kind, RECORD_CALL);
	assert_int_equal(a.args[4], 3);
	assert_int_equal(a.args[5], 0x1000);
	assert_true(a.file == b.file);
	assert_true(a.file != c.file);
	assert_int_equal(d.kind, RECORD_CALL);
	assert_int_equal(d.args[4], 7);
	assert_int_equal(e.kind, RECORD_CALL);
	assert_int_equal(e.args[4], 7);
	a = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000");
	b = parse("1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 4, 0) = 0x7f0000000000");
	assert_true(a.file != b.file);
}

static void flags(void **state)
{
	struct record record =
		parse("1 mmap(NULL, 4096, PROT_NONE, MAP_SHARED|MAP_HUGETLB|21<<MAP_HUGE_SHIFT|0x8000000, -1, 0) = -1 "
		      "EINVAL (Invalid argument)");

	(void)state;
	assert_int_equal(record.args[3], MAP_SHARED | MAP_HUGETLB | 21u << 26 | 0x8000000);
	assert_int_equal(record.error, EINVAL);
	record = parse("1 mmap(NULL, 4096, PROT_NONE, MAP_SHARED|MAP_NEWER_THAN_THIS, -1, 0) = 0x7f0000000000");
	assert_int_equal(record.kind, RECORD_CALL);
	assert_true(record.unknown);
	assert_string_equal(record.name, "MAP_NEWER_THAN_THIS");
}

static void results(void **state)
{
	struct record record = parse("1 munmap(0x7f0000000000, 4096) = 0");

	(void)state;
	assert_true(record.has_result && !record.error && record.result == 0);
	record = parse("1 munmap(0x7f0000000000, 4096) = -1 ENOMEM (Cannot allocate memory) (INJECTED)");
	assert_true(record.has_result);
	assert_int_equal(record.error, ENOMEM);
	record = parse("1 munmap(0x7f0000000000, 4096) = -1 ESTRANGE (Never heard of)");
	assert_int_equal(record.kind, RECORD_CALL);
	assert_false(record.has_result);
	record = parse("1 munmap(0x7f0000000000, 4096) = ?");
	assert_int_equal(record.kind, RECORD_CALL);
	assert_false(record.has_result);
	record = parse("1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 5 /* 1234 in strace's PID NS */");
	assert_int_equal(record.result, 1234);
	record = parse("1 mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7f1000000000) = 0x7f1000000000");
	assert_int_equal(record.arg_count, 5);
	assert_int_equal(record.args[4], 0x7f1000000000);
	record = parse("1 mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f1000000000");
	assert_int_equal(record.arg_count, 4);
	assert_int_equal(record.kind, RECORD_CALL);
}

static void halves(void **state)
{
	struct record record = parse("1 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>");

	(void)state;
	assert_int_equal(record.kind, RECORD_UNFINISHED);
	assert_int_equal(record.call, CALL_MMAP);
	assert_int_equal(record.arg_count, 6);
	assert_false(record.has_result);
	record = parse("1 <... mmap resumed>) = 0x7f0000000000");
	assert_int_equal(record.kind, RECORD_RESUMED);
	assert_int_equal(record.call, CALL_MMAP);
	assert_int_equal(record.result, 0x7f0000000000);
	record = parse("1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD|CLONE_SETTLS, child_tid=0x7f, tls=0x7f} <unfinished ...>");
	assert_int_equal(record.kind, RECORD_UNFINISHED);
	assert_int_equal(record.args[0], 0x10100);
	record = parse("1 <... clone3 resumed> => {parent_tid=[10006]}, 88) = 10006");
	assert_int_equal(record.kind, RECORD_RESUMED);
	assert_int_equal(record.result, 10006);
	record = parse("1 vfork( <unfinished ...>");
	assert_int_equal(record.kind, RECORD_UNFINISHED);
	assert_int_equal(record.args[0], 0x4100);
	record = parse("1 <... munmap resumed>) = ?");
	assert_int_equal(record.kind, RECORD_RESUMED);
	assert_false(record.has_result);
}

static void kinds(void **state)
{
	static const struct {
		const char *line;
		enum record_kind kind;
	} lines[] = {
		{"", RECORD_EMPTY},
		{"   \t", RECORD_EMPTY},
		{"1 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---", RECORD_SIGNAL},
		{"[pid 5] +++ killed by SIGKILL +++", RECORD_EXIT},
		{"5 +++ superseded by execve in pid 6 +++", RECORD_EXIT},
		{"strace: Process 10 attached", RECORD_OTHER},
		{"strace: [ Process PID=10 runs in 32 bit mode. ]", RECORD_OTHER},
		{" > /usr/lib/libc.so.6(mmap+0x13) [0xf9293]", RECORD_OTHER},
		{"the quick brown fox", RECORD_OTHER},
		{"1 openat(AT_FDCWD, \"a)\\\" = 3, \", O_RDONLY) = 3", RECORD_CALL},
		{"1 execve(\"/bin/x\", [\"x\", \"a, b) = 0\"], 0x7ffe /* 39 vars */) = 0", RECORD_CALL},
		{"1 openat(AT_FDCWD, \"a)\\\" = 3, O_RDONLY) = 3", RECORD_CUT},
		{"1 mmap(NULL, 81", RECORD_CUT},
		{"1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)", RECORD_CUT},
		{"1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) =", RECORD_CUT},
		{"1 mmap(NULL, 8192) = 0x7f0000000000", RECORD_CUT},
		{"1 munmap(0x7f0000000000, 4096) = -", RECORD_CUT},
		{"1 munmap(0x7f0000000000, 4096) = -1", RECORD_CUT},
		{"1 munmap(", RECORD_CUT},
		{"1 munmap", RECORD_CUT},
		{"1 <... munmap resumed>", RECORD_CUT},
		{"1 <... munmap resu", RECORD_OTHER},
		{"1 <... ", RECORD_CUT},
		{"12 ", RECORD_CUT},
		{"[pid", RECORD_OTHER},
		{"<", RECORD_OTHER},
		{"99999999999999999999999999 munmap(0, 1) = 0", RECORD_OTHER},
		{"1 mmap(NULL, 8192, /* PROT_READ", RECORD_CUT},
		{"1 mmap(((((((((((((((((((((({{{{{{{{{{[[[[[[[[<<<<<<<<<", RECORD_CUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct record record = parse(lines[i].line);

		if (record.kind != lines[i].kind)
			fail_msg("%s: kind %d, not %d", lines[i].line, record.kind, lines[i].kind);
	}
}

/* A line that is cut anywhere is never taken for another call than its own, and a half address only at its very end. */
static void cut_anywhere(void **state)
{
	static const char line[] =
		"9732 [00007f8a5c4e1a9b] mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE, 3<a>) = -1 ENOMEM (Cannot)";

	(void)state;
	for (size_t size = 0; size < sizeof(line) - 1; size++) {
		char *copy = malloc(size + 1);
		struct record record;

		memcpy(copy, line, size);
		record_parse(&record, copy, size);
		if (size < strlen("9732 [00007f8a5c4e1a9b] mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE, 3<a>) = -1 E"))
			assert_true(record.kind != RECORD_CALL);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),
		cmocka_unit_test(spellings),
		cmocka_unit_test(files),
		cmocka_unit_test(flags),
		cmocka_unit_test(results),
		cmocka_unit_test(halves),
		cmocka_unit_test(kinds),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

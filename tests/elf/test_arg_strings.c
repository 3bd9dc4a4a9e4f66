/* SPDX-License-Identifier: MIT */
/* test_arg_strings.c - packed strings: order, growth, limits; and the limits against the kernel's own E2BIG. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/elf/arg_strings.h"

static void expect(const struct strings *s, unsigned count, const char *bytes, size_t size)
{
	assert_int_equal(s->count, count);
	assert_int_equal(s->size, size);
	if (size)
		assert_memory_equal(s->bytes, bytes, size);
}

static void test_order(void **state)
{
	struct strings s;
	(void)state;
	strings_init(&s);
	assert_null(strings_first(&s));
	strings_drop_first(&s);
	expect(&s, 0, "", 0);
	assert_int_equal(strings_append(&s, "b"), 0);
	assert_int_equal(strings_append(&s, ""), 0);
	assert_int_equal(strings_append_bytes(&s, "cdef", 2), 0);
	expect(&s, 3, "b\0\0cd", 6);
	assert_int_equal(strings_prepend(&s, "aa"), 0);
	expect(&s, 4, "aa\0b\0\0cd", 9);
	const char *at = strings_first(&s);
	assert_string_equal(at, "aa");
	assert_string_equal(at = strings_next(&s, at), "b");
	assert_string_equal(at = strings_next(&s, at), "");
	assert_string_equal(at = strings_next(&s, at), "cd");
	assert_null(strings_next(&s, at));
	strings_drop_first(&s);
	strings_drop_first(&s);
	expect(&s, 2, "\0cd", 4);
	strings_drop_first(&s);
	strings_drop_first(&s);
	expect(&s, 0, "", 0);
	strings_fini(&s);
	assert_null(s.bytes);
}

static void test_reserve(void **state)
{
	struct strings s;
	(void)state;
	strings_init(&s);
	char *at = strings_reserve(&s, 10);
	assert_non_null(at);
	memcpy(at, "xyz", 4);
	strings_commit(&s, 4);
	expect(&s, 1, "xyz", 4);
	assert_null(strings_reserve(&s, STRINGS_ALL_MAX));
	assert_null(strings_reserve(&s, ~0ul));
	expect(&s, 1, "xyz", 4);
	strings_fini(&s);
}

static void test_growth_and_limits(void **state)
{
	struct strings s;
	unsigned count = 0;
	char *large = malloc(STRINGS_ONE_MAX + 1);
	(void)state;
	assert_non_null(large);
	memset(large, 'x', STRINGS_ONE_MAX + 1);
	strings_init(&s);
	assert_int_equal(strings_append_bytes(&s, large, STRINGS_ONE_MAX), -E2BIG); /* with its NUL one too many */
	for (; strings_append_bytes(&s, large, STRINGS_ONE_MAX - 1) == 0; count++)
		large[0] = (char)('a' + count % 26);
	assert_int_equal(count, STRINGS_ALL_MAX / STRINGS_ONE_MAX);
	assert_int_equal(strings_append(&s, ""), -E2BIG);
	assert_int_equal(strings_prepend(&s, ""), -E2BIG);
	assert_int_equal(s.size, STRINGS_ALL_MAX);
	const char *at = strings_first(&s);
	for (unsigned i = 0; i < count; i++, at = strings_next(&s, at))
		assert_int_equal(at[0], i ? 'a' + (int)(i - 1) % 26 : 'x');
	assert_null(at);
	strings_fini(&s);
	free(large);
}

/* ---- E2BIG, as the kernel sees it ---------------------------------------------------------------------------------------- */

enum { PIECE = 60000 };

/* Does execve("/bin/true", `count` strings of PIECE bytes and one of `rest`) work with that stack limit? */
static bool kernel_takes(char **argv, size_t stack_size)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit limit = {stack_size, RLIM_INFINITY};
		getrlimit(RLIMIT_STACK, &limit);
		limit.rlim_cur = stack_size;
		if (setrlimit(RLIMIT_STACK, &limit) != 0)
			_exit(98);
		execve("/bin/true", argv, (char *[]){NULL});
		_exit(errno == E2BIG ? 1 : 97);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status) == 0;
}

/* Finds by halving the last string's length at which the kernel begins to refuse; the check must begin there, too. */
static void same_limit(unsigned pieces, size_t stack_size)
{
	char *piece = malloc(PIECE), *rest = malloc(STRINGS_ONE_MAX), **argv = calloc(pieces + 2, sizeof(*argv));
	struct strings s, none;
	size_t low = 1, high = STRINGS_ONE_MAX - 1; /* lengths: the first fits, the second does not */
	assert_true(piece && rest && argv);
	memset(piece, 'p', PIECE - 1);
	piece[PIECE - 1] = '\0';
	memset(rest, 'r', STRINGS_ONE_MAX);
	for (unsigned i = 0; i < pieces; i++)
		argv[i] = piece;
	argv[pieces] = rest;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		rest[middle] = '\0';
		*(kernel_takes(argv, stack_size) ? &low : &high) = middle;
		rest[middle] = 'r';
	}
	assert_in_range(low, 2, STRINGS_ONE_MAX - 3);
	for (unsigned over = 0; over < 2; over++) {
		strings_init(&s);
		strings_init(&none);
		for (unsigned i = 0; i < pieces; i++)
			assert_int_equal(strings_append(&s, piece), 0);
		assert_int_equal(strings_append_bytes(&s, rest, low + over), 0);
		assert_int_equal(strings_limit_check(&s, &none, sizeof("/bin/true"), stack_size), over ? -E2BIG : 0);
		strings_fini(&s);
	}
	free(piece), free(rest), free(argv);
}

static void test_limit_of_kernel(void **state)
{
	(void)state;
	same_limit(2, 256 << 10); /* the least that is always allowed */
	same_limit(8, 2 << 20); /* a quarter of the stack */
	same_limit(104, (size_t)256 << 20); /* the most, whatever the stack */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_growth_and_limits),
		cmocka_unit_test(test_limit_of_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

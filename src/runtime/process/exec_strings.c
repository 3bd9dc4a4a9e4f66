/* SPDX-License-Identifier: MIT */
#include "runtime/process/exec_strings.h"

#include <asm-generic/errno-base.h>
#include <tulou/abi.h>

#include "base/mem.h"
#include "runtime/user.h"

enum { POINTERS_AT_ONCE = 64 };

/* What was read last: an environment lies packed, so that a page of it is read once and not once for each string. */
struct window {
	uint64_t start;
	size_t size;
	char bytes[TULOU_PAGE_SIZE];
};

/* Have what lies at `from`; how much of it, to the end of its page at most, or -EFAULT. */
static long window_move(struct window *window, uint64_t from)
{
	if (from - window->start >= window->size) {
		window->size = 0;
		if (user_read(window->bytes, from, TULOU_PAGE_SIZE - (from & (TULOU_PAGE_SIZE - 1))) < 0)
			return -EFAULT;
		window->start = from;
		window->size = TULOU_PAGE_SIZE - (from & (TULOU_PAGE_SIZE - 1));
	}
	return (long)(window->size - (from - window->start));
}

static long copy_string(struct strings *strings, struct window *window, uint64_t from)
{
	char *room = strings_reserve(strings, STRINGS_ONE_MAX);
	size_t length = 0;

	if (!room)
		return -E2BIG;
	for (;;) {
		long have = window_move(window, from + length);
		const char *bytes = window->bytes + (from + length - window->start);
		if (have < 0)
			return have;
		for (long i = 0; i < have; i++, length++) {
			if (length == STRINGS_ONE_MAX)
				return -E2BIG;
			room[length] = bytes[i];
			if (!bytes[i]) {
				strings_commit(strings, length + 1);
				return 0;
			}
		}
	}
}

long exec_strings_copy(struct strings *strings, uint64_t array)
{
	uint64_t pointers[POINTERS_AT_ONCE];
	struct window window = {.size = 0};

	while (array) {
		long have = user_read_some(pointers, array, sizeof pointers);
		if (have < (long)sizeof *pointers)
			return -EFAULT;
		for (long i = 0; i < have / (long)sizeof *pointers; i++) {
			long result;
			if (!pointers[i])
				return 0;
			result = copy_string(strings, &window, pointers[i]);
			if (result < 0)
				return result;
		}
		array += (uint64_t)have & ~7ul;
	}
	return 0;
}

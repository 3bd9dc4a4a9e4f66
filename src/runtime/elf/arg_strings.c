/* SPDX-License-Identifier: MIT */
#include "runtime/elf/arg_strings.h"

#include <stdbool.h>
#include <stdint.h>
#include <linux/mman.h>
#include <tulou/abi.h>
#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"

/* Guests start with a few KiB of strings; an environment that is passed on grows this at most a few times. */
enum { FIRST_CAPACITY = 64 * 1024 };

void strings_init(struct strings *s)
{
	*s = (struct strings){0};
}

void strings_init_lent(struct strings *s, void *bytes, size_t size)
{
	*s = (struct strings){.bytes = bytes, .capacity = size, .lent = true};
}

void strings_fini(struct strings *s)
{
	if (s->bytes && !s->lent)
		sys2(__NR_munmap, (long)s->bytes, (long)s->capacity);
	strings_init(s);
}

static bool capacity_grow(struct strings *s, size_t needed)
{
	size_t capacity = s->capacity ? s->capacity : FIRST_CAPACITY;
	while (capacity < needed)
		capacity *= 2;
	if (capacity == s->capacity)
		return true;
	long at;
	if (s->bytes && !s->lent)
		at = sys4(__NR_mremap, (long)s->bytes, (long)s->capacity, (long)capacity, MREMAP_MAYMOVE);
	else
		at = sys6(__NR_mmap, 0, (long)capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0)
		return false;
	if (s->lent)
		bytes_copy((char *)at, s->bytes, s->size);
	s->lent = false;
	s->bytes = (char *)at;
	s->capacity = capacity;
	return true;
}

char *strings_reserve(struct strings *s, size_t size)
{
	if (size > STRINGS_ALL_MAX || s->size > STRINGS_ALL_MAX - size)
		return NULL;
	return capacity_grow(s, s->size + size) ? s->bytes + s->size : NULL;
}

void strings_commit(struct strings *s, size_t size)
{
	s->size += size;
	s->count++;
}

static long room_for(struct strings *s, size_t length)
{
	if (length >= STRINGS_ONE_MAX || s->size > STRINGS_ALL_MAX - (length + 1))
		return -TULOU_E2BIG;
	return strings_reserve(s, length + 1) ? 0 : -TULOU_ENOMEM;
}

long strings_append_bytes(struct strings *s, const char *bytes, size_t length)
{
	long error = room_for(s, length);
	if (error)
		return error;
	bytes_copy(s->bytes + s->size, bytes, length);
	s->bytes[s->size + length] = '\0';
	strings_commit(s, length + 1);
	return 0;
}

long strings_append(struct strings *s, const char *text)
{
	return strings_append_bytes(s, text, text_length(text));
}

long strings_prepend(struct strings *s, const char *text)
{
	size_t length = text_length(text);
	long error = room_for(s, length);
	if (error)
		return error;
	bytes_move(s->bytes + length + 1, s->bytes, s->size);
	bytes_copy(s->bytes, text, length + 1);
	strings_commit(s, length + 1);
	return 0;
}

void strings_drop_first(struct strings *s)
{
	if (s->count == 0)
		return;
	size_t size = text_length(s->bytes) + 1;
	bytes_move(s->bytes, s->bytes + size, s->size - size);
	s->size -= size;
	s->count--;
}

const char *strings_first(const struct strings *s)
{
	return s->count ? s->bytes : NULL;
}

const char *strings_next(const struct strings *s, const char *at)
{
	at += text_length(at) + 1;
	return at < s->bytes + s->size ? at : NULL;
}

long strings_limit_check(const struct strings *argv, const struct strings *envp, size_t execfn_size, size_t stack_size)
{
	size_t limit = stack_size / 4;
	if (limit > STRINGS_ALL_MAX)
		limit = STRINGS_ALL_MAX;
	if (limit < STRINGS_ALL_MIN)
		limit = STRINGS_ALL_MIN;
	/* Linux reserves a pointer for argv[0] even when there is none. */
	size_t pointers = ((size_t)(argv->count ? argv->count : 1) + envp->count) * sizeof(void *);
	if (pointers >= limit)
		return -TULOU_E2BIG;
	/* Each is at most STRINGS_ALL_MAX: no overflow. */
	return argv->size + envp->size + execfn_size > limit - pointers ? -TULOU_E2BIG : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * arg_strings.h - argv and envp on their way from one program to the next.
 *
 *     bytes: l s \0 - l \0 / t m p \0        count = 3, size = 11 (NULs included)
 *
 * The strings lie packed behind each other, as they will lie on the new stack. Memory comes from the kernel (raw mmap, outside
 * of the pool), since the old program's memory is about to go and the new one's is not there yet. The owner calls strings_fini().
 * Only one task at a time uses a struct strings.
 */
#ifndef TULOU_RUNTIME_ELF_ARG_STRINGS_H
#define TULOU_RUNTIME_ELF_ARG_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	STRINGS_ONE_MAX = 128 * 1024, /* one string with its NUL: MAX_ARG_STRLEN of execve(2) */
	STRINGS_ALL_MAX = 6 * 1024 * 1024, /* all of them, however large the stack: 3/4 of _STK_LIM */
	STRINGS_ALL_MIN = 128 * 1024, /* allowed however small the stack: ARG_MAX */
};

struct strings {
	char *bytes;
	size_t size; /* bytes in use, NULs included */
	size_t capacity; /* bytes there are */
	bool lent; /* they are the caller's, and stay */
	unsigned count;
};

/* Empty, without memory. */
void strings_init(struct strings *s);
/* Empty, with memory of the caller's to begin with, which must stay until strings_fini(). */
void strings_init_lent(struct strings *s, void *bytes, size_t size);
/* Gives the memory back; `s` is empty afterwards and may be used again. */
void strings_fini(struct strings *s);

/* One more string behind the last. 0, -E2BIG (longer than STRINGS_ONE_MAX, or more than STRINGS_ALL_MAX in all), -ENOMEM. */
long strings_append(struct strings *s, const char *text);
/* The same for `length` bytes without their NUL; the bytes hold no NUL. */
long strings_append_bytes(struct strings *s, const char *bytes, size_t length);
/* One more string in front of the first. Errors as strings_append. */
long strings_prepend(struct strings *s, const char *text);
/* Take the first string away; nothing happens when there is none. */
void strings_drop_first(struct strings *s);

/* For who copies from elsewhere: room for `size` bytes behind the last string (NULL: no memory, or over STRINGS_ALL_MAX);
 * then strings_commit() books `size` of them as one string, whose last byte must be its NUL. */
char *strings_reserve(struct strings *s, size_t size);
void strings_commit(struct strings *s, size_t size);

/* The first string and the one after `at`, or NULL. */
const char *strings_first(const struct strings *s);
const char *strings_next(const struct strings *s, const char *at);

/* 0, or -E2BIG when the strings, their pointers and `execfn_size` bytes of file name are more than a stack of `stack_size` bytes
 * may carry: a quarter of it, at most STRINGS_ALL_MAX, at least STRINGS_ALL_MIN (execve(2), "Limits"). */
long strings_limit_check(const struct strings *argv, const struct strings *envp, size_t execfn_size, size_t stack_size);

#endif

/* SPDX-License-Identifier: MIT */
/* text.h - strings, as far as the runtime needs them. */
#ifndef TULOU_RUNTIME_TEXT_H
#define TULOU_RUNTIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
/* What follows `start` in `text`, or NULL when it does not begin so. */
const char *text_after(const char *text, const char *start);
/* Decimal digits and a NUL (at most 21 bytes); returns the length. */
size_t text_number(char *out, unsigned long number);
/* A decimal number that fills all of `text`; false when it is none or above `most`. */
bool text_parse(const char *text, unsigned long most, unsigned long *out);

/* The same in bytes, with K, M, G or T behind it for powers of 1024; 0 is none. */
bool text_parse_size(const char *text, unsigned long *out);

#endif

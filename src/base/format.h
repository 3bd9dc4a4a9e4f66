/* SPDX-License-Identifier: MIT */
/* format.h - text without a C library: %s %c %d %u %x %p %%, with l and z sizes, a width, '-' and '0'. No floating point. */
#ifndef TULOU_BASE_FORMAT_H
#define TULOU_BASE_FORMAT_H

#include <stdarg.h>

#include "compiler.h"

/* Writes at most `size` bytes with the final NUL; returns the length that the whole text would have. */
size_t format(char *out, size_t size, const char *text, ...) __attribute__((format(printf, 3, 4)));
size_t format_list(char *out, size_t size, const char *text, va_list args) __attribute__((format(printf, 3, 0)));

#endif

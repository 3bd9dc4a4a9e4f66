/* SPDX-License-Identifier: MIT */
/* symbols.h - the names that strace prints in place of numbers, and errno's. */
#ifndef TULOU_REPLAY_SYMBOLS_H
#define TULOU_REPLAY_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: no such name. */
bool symbol_find(const char *name, size_t size, uint64_t *value);
/* The first name with this value that begins with `prefix`; the prefix itself when there is none. */
const char *symbol_name(const char *prefix, uint64_t value);
/* An errno number, or 0. */
int error_find(const char *name, size_t size);
/* "EINVAL", or "error" for one that is not known. */
const char *error_name(int error);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * patch_pages.h - change pages that other threads may be executing, in one step as they see it, and never writable where
 * executable.
 */
#ifndef TULOU_RUNTIME_PATCH_PAGES_H
#define TULOU_RUNTIME_PATCH_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Write into a page of a private file mapping, which must not have been written but by this function. 0 or a negative errno. */
long patch_text(uint64_t at, const void *bytes, size_t size, int prot);
/* Write into one private page, of a file or not, that nobody executes meanwhile. */
long patch_quiet(uint64_t at, const void *bytes, size_t size);
/* Write into an anonymous page that is executable and readable. */
long patch_anonymous(uint64_t at, const void *bytes, size_t size);
/* The same, when nobody executes it yet: the rest of it is filled with breakpoints. */
long patch_fresh(uint64_t at, const void *bytes, size_t size);

#endif

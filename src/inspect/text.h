/* SPDX-License-Identifier: MIT */
/* text.h - pieces of text that the chart and the maps share: sizes, permissions, names of areas. */
#ifndef TULOU_INSPECT_TEXT_H
#define TULOU_INSPECT_TEXT_H

#include <tulou/inspect.h>

/* "4.0 KiB", "1.5 GiB": one decimal, rounded down. Needs 16 bytes. */
void text_size(char out[static 16], size_t size);
/* "rwxp": the last letter is s for shared, p for private. Needs 5 bytes. */
void text_perms(char out[static 5], int prot, int flags);
/* "[heap]", "[stack]", "/dev/zero (deleted)" as the kernel names them, or "". */
const char *text_name(enum tulou_area_kind kind, int flags);
/* The halves of a device number as stat(2) encodes it. */
unsigned text_dev_major(uint64_t dev);
unsigned text_dev_minor(uint64_t dev);

#endif

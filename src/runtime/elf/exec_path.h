/* SPDX-License-Identifier: MIT */
#ifndef TULOU_RUNTIME_ELF_EXEC_PATH_H
#define TULOU_RUNTIME_ELF_EXEC_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The resolved path of the file `name`, which is that of `dev` and `ino`, into `path`. False when that is not simply said: names
 * with "..", links that the kernel follows in ways of its own, another file by now, no room. */
bool exec_path_resolve(const char *name, uint64_t dev, uint64_t ino, char *path, size_t capacity);

#endif

/* SPDX-License-Identifier: MIT */
/* exec_strings.h - argv and envp out of the guest's memory. */
#ifndef TULOU_RUNTIME_EXEC_STRINGS_H
#define TULOU_RUNTIME_EXEC_STRINGS_H

#include <stdint.h>

#include "runtime/elf/arg_strings.h"

/* Append the strings of a NULL-terminated array at `array` (0: none) in the guest's memory. 0; -EFAULT; -E2BIG, also when there is
 * no memory for them. */
long exec_strings_copy(struct strings *strings, uint64_t array);

#endif

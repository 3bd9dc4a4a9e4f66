/* SPDX-License-Identifier: MIT */
/* parse_input.h - one input through all parsers, and what must hold of every answer. For the fuzzer and for the mutation test. */
#ifndef TULOU_TESTS_ELF_PARSE_INPUT_H
#define TULOU_TESTS_ELF_PARSE_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* NULL, or the rule that an answer broke. `*accepted`: the input was an ELF file that can be loaded. */
const char *parse_input(const uint8_t *bytes, size_t size, int *accepted);

#endif

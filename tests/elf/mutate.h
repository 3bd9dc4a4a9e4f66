/* SPDX-License-Identifier: MIT */
/* mutate.h - damage a sample at random, always the same way for the same seed. */
#ifndef TULOU_TESTS_ELF_MUTATE_H
#define TULOU_TESTS_ELF_MUTATE_H

#include <stdint.h>
#include "elf/sample.h"

/* The next number of a sequence; `state` is any number but 0. */
uint64_t random_next(uint64_t *state);
/* A sample with one to four faults in its header, table or length. */
void sample_mutate(struct sample *s, uint64_t *state);

#endif

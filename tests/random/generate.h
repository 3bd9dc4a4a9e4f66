/* SPDX-License-Identifier: MIT */
/* generate.h - random sequences from a seed. */
#ifndef RANDOM_GENERATE_H
#define RANDOM_GENERATE_H

#include "prng.h"
#include "sequence.h"

struct generator_options {
	uint64_t seed;
	unsigned count; /* calls in a sequence */
	bool plain_files; /* only the kinds of file that the sim host has */
};

/* Sequence number `number` of the run with these options. */
void sequence_generate(struct sequence *seq, const struct generator_options *options, unsigned number);

/* ---- between generate.c and spoil.c -------------------------------------------------------------------------------------- */
struct generator {
	struct prng prng;
	struct sequence *seq;
	unsigned number; /* of the op in the making */
	bool plain_files;
	bool low; /* the arena lies where MAP_32BIT looks */
};

struct place place_pick(struct generator *gen);
size_t size_wild(struct prng *prng);
/* Make one argument of a call wrong, or odd. */
void op_spoil(struct generator *gen, struct op *op);

#endif

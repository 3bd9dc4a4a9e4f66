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
	bool pairs; /* worlds of two processes, too */
	bool mseal, guards, lock_all; /* this kernel has them, and lets us */
};

/* What this kernel has, into the last line of `options`. */
void kernel_features(struct generator_options *options);
/* Sequence number `number` of the run with these options. */
void sequence_generate(struct sequence *seq, const struct generator_options *options, unsigned number);

/* ---- between generate.c, generate_memory.c, generate_file.c, dice.c and spoil.c -------------------------------------------- */
enum { TOUCH_MAX = 80 * PAGE }; /* bytes; each page costs a fault */

struct generator {
	struct prng prng;
	struct sequence *seq;
	const struct generator_options *options;
	unsigned number; /* of the op in the making */
	bool low; /* the arena lies where MAP_32BIT looks */
	bool seals; /* mseal(2) in this sequence: what is sealed stays */
	bool files; /* many calls on descriptors in this one */
};

struct weighted {
	int value;
	unsigned weight;
};

int weighted_pick(struct prng *prng, const struct weighted *choices, unsigned count);
#define PICK(prng, choices) weighted_pick(prng, choices, sizeof(choices) / sizeof((choices)[0]))

size_t size_pick(struct generator *gen);
size_t size_wild(struct prng *prng);
struct place place_pick(struct generator *gen);
/* Somewhere, and often what an earlier call made as it is. */
void range_generate(struct generator *gen, struct op *op);

/* All of a mapping that was made at a fixed place and may cross chunks, if there is one. */
void large_fixed_find(struct generator *gen, struct op *op);

/* Fill in an op of the kind op->call. */
void mmap_generate(struct generator *gen, struct op *op);
void mremap_generate(struct generator *gen, struct op *op);
void madvise_generate(struct generator *gen, struct op *op);
int prot_pick(struct prng *prng);
void file_call_generate(struct generator *gen, struct op *op);
/* For a mapping, for a call. */
int file_pick(struct generator *gen);
/* Make one argument of a call wrong, or odd. */
void op_spoil(struct generator *gen, struct op *op);

#endif

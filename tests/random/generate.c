/* SPDX-License-Identifier: MIT */
/*
 * generate.c - the dice. Weights are chosen so that the required cells of cells.c are all reached: ranges of several areas and of
 * several chunks come from small chunks and from sizes around them, errors from a share of calls that are spoiled on purpose.
 */
#include "generate.h"

#include <string.h>
#include <sys/mman.h>

#include <tulou/abi.h>

#include "files.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum { TOUCH_MAX = 80 * PAGE }; /* bytes; each page costs a fault */

struct weighted {
	int value;
	unsigned weight;
};

static int pick(struct prng *prng, const struct weighted *choices, unsigned count)
{
	unsigned total = 0, at;

	for (unsigned i = 0; i < count; i++)
		total += choices[i].weight;
	at = prng_below(prng, total);
	for (unsigned i = 0; i < count; i++) {
		if (at < choices[i].weight)
			return choices[i].value;
		at -= choices[i].weight;
	}
	return choices[0].value;
}

#define PICK(prng, choices) pick(prng, choices, sizeof(choices) / sizeof((choices)[0]))

/* ---- sizes and places ---------------------------------------------------------------------------------------------------- */
static size_t size_pick(struct generator *gen)
{
	struct prng *prng = &gen->prng;
	long chunk = (long)(gen->seq->world.chunk_size / PAGE), pages;
	unsigned roll = prng_below(prng, 100);

	if (roll < 66)
		pages = prng_between(prng, 1, 8);
	else if (roll < 84)
		pages = prng_between(prng, 8, 40);
	else if (roll < 92)
		pages = prng_between(prng, chunk - 2, chunk + 2);
	else
		pages = prng_between(prng, chunk, 4 * chunk);
	return (size_t)pages * PAGE - (prng_percent(prng, 10) ? (size_t)prng_between(prng, 1, PAGE - 1) : 0);
}

size_t size_wild(struct prng *prng)
{
	static const size_t sizes[] = {1ul << 47, 1ul << 62, 1ul << 63, -1ul, -4095ul, -4096ul, -8192ul};

	return sizes[prng_below(prng, sizeof(sizes) / sizeof(sizes[0]))];
}

struct place place_pick(struct generator *gen)
{
	struct prng *prng = &gen->prng;
	unsigned roll = prng_below(prng, 100);
	struct place place = {.kind = PLACE_ARENA};

	if (roll < 45 && gen->number) {
		unsigned back = (unsigned)prng_between(prng, 1, gen->number < 30 ? (long)gen->number : 30);

		place.kind = PLACE_RESULT;
		place.of = gen->number - back;
	} else if (roll < 80) {
		place.kind = PLACE_AREA;
		place.of = prng_below(prng, 64);
	} else {
		place.delta = prng_between(prng, 0, 12 * (long)(gen->seq->world.chunk_size / PAGE)) * PAGE;
		return place;
	}
	if (prng_percent(prng, 50))
		place.delta = prng_between(prng, -4, 10) * PAGE;
	return place;
}

/* The size of what op `of` made, so that mremap and munmap often name an area as it is. */
static size_t size_of_place(struct generator *gen, const struct place *place)
{
	const struct op *op;
	size_t size;

	if (place->kind != PLACE_RESULT || prng_percent(&gen->prng, 30))
		return size_pick(gen);
	op = &gen->seq->ops[place->of];
	size = op->call == CALL_MREMAP ? op->new_size : op->size;
	return size && size < 1ul << 32 ? size : PAGE;
}

/* ---- calls --------------------------------------------------------------------------------------------------------------- */
static int prot_pick(struct prng *prng)
{
	static const struct weighted prots[] = {
		{PROT_READ | PROT_WRITE, 60},
		{PROT_READ, 14},
		{PROT_NONE, 10},
		{PROT_WRITE, 4},
		{PROT_READ | PROT_EXEC, 4},
		{PROT_EXEC, 3},
		{PROT_READ | PROT_WRITE | PROT_EXEC, 4},
		{PROT_READ | 8 /* PROT_SEM */, 1},
	};

	return PICK(prng, prots);
}

static int file_pick(struct generator *gen)
{
	static const struct weighted all[] = {{FILE_MEMORY, 44}, {FILE_OTHER, 20}, {FILE_READ_ONLY, 16}, {FILE_WRITE_ONLY, 6},
		{FILE_EMPTY, 4}, {FILE_CLOSED, 3}, {-1, 2}, {FILE_DIRECTORY, 3}, {FILE_PIPE, 3}, {FILE_ZERO, 2}, {FILE_NULL, 1},
		{FILE_PATH, 2}};
	static const struct weighted plain[] = {{FILE_MEMORY, 48}, {FILE_OTHER, 20}, {FILE_READ_ONLY, 18}, {FILE_WRITE_ONLY, 7},
		{FILE_EMPTY, 5}, {FILE_CLOSED, 4}, {-1, 2}};

	return gen->plain_files ? PICK(&gen->prng, plain) : PICK(&gen->prng, all);
}

static void mmap_generate(struct generator *gen, struct op *op)
{
	enum { ANON_PRIVATE, ANON_SHARED, FILE_PRIVATE, FILE_SHARED, FILE_VALIDATE };
	static const struct weighted kinds[] = {
		{ANON_PRIVATE, 56}, {ANON_SHARED, 10}, {FILE_PRIVATE, 14}, {FILE_SHARED, 17}, {FILE_VALIDATE, 5}};
	static const int kind_flags[] = {
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE};
	enum { ANY, HINT, FIXED, NOREPLACE, LOW };
	static const struct weighted wheres[] = {{ANY, 40}, {HINT, 11}, {FIXED, 31}, {NOREPLACE, 15}, {LOW, 6}};
	static const struct weighted extras[] = {
		{0, 88}, {MAP_NORESERVE, 4}, {MAP_POPULATE, 2}, {MAP_STACK, 2}, {MAP_DENYWRITE, 2}, {MAP_EXECUTABLE, 2}};
	struct prng *prng = &gen->prng;
	int kind = PICK(prng, kinds), where = PICK(prng, wheres);

	op->prot = prot_pick(prng);
	op->flags = kind_flags[kind] | PICK(prng, extras);
	op->size = size_pick(gen);
	if (kind >= FILE_PRIVATE) {
		op->file = file_pick(gen);
		op->offset = (uint64_t)prng_between(prng, 0, prng_percent(prng, 80) ? 12 : 24) * PAGE;
		if (op->file == FILE_READ_ONLY && prng_percent(prng, 70)) /* let it succeed: mprotect comes later */
			op->prot &= ~PROT_WRITE;
	}
	/* It copies private pages at once, and then the file's changes do not show: a matter of the host, which sim leaves out. */
	if (kind == FILE_PRIVATE && gen->plain_files)
		op->flags &= ~MAP_POPULATE;
	if (kind == FILE_VALIDATE) /* here flags that are not known are refused */
		op->flags &= ~(MAP_DENYWRITE | MAP_EXECUTABLE);
	if (where == HINT || where == FIXED || where == NOREPLACE)
		op->addr = place_pick(gen);
	if (where == HINT && prng_percent(prng, 20))
		op->addr.delta += prng_between(prng, 1, PAGE - 1);
	if (where == FIXED)
		op->flags |= MAP_FIXED;
	else if (where == NOREPLACE)
		op->flags |= MAP_FIXED_NOREPLACE | (prng_percent(prng, 10) ? MAP_FIXED : 0);
	else if (where == LOW && gen->low)
		op->flags |= MAP_32BIT;
}

/* All of a mapping that was made at a fixed place and may cross chunks, if there is one. */
static void large_fixed_find(struct generator *gen, struct op *op)
{
	for (unsigned of = gen->number; of-- > 0;) {
		const struct op *other = &gen->seq->ops[of];

		if (other->call != CALL_MMAP || !(other->flags & MAP_FIXED) || other->size < gen->seq->world.chunk_size / 2 ||
			other->size >= 1ul << 32)
			continue;
		op->addr = (struct place){.kind = PLACE_RESULT, .of = of};
		op->size = other->size;
		return;
	}
}

static void range_generate(struct generator *gen, struct op *op)
{
	op->addr = place_pick(gen);
	op->size = size_of_place(gen, &op->addr);
	if (prng_percent(&gen->prng, 12))
		large_fixed_find(gen, op);
}

static void mremap_generate(struct generator *gen, struct op *op)
{
	static const struct weighted flags[] = {{0, 28}, {MREMAP_MAYMOVE, 42}, {MREMAP_MAYMOVE | MREMAP_FIXED, 28},
		{MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 6}, {MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, 4}};
	struct prng *prng = &gen->prng;
	unsigned roll = prng_below(prng, 100);

	range_generate(gen, op);
	op->flags = PICK(prng, flags);
	op->new_size = op->size;
	if (roll < 30 && op->size > PAGE)
		op->new_size = (size_t)prng_between(prng, 1, (long)(op->size / PAGE)) * PAGE;
	else if (roll < 75)
		op->new_size = op->size + (size_t)prng_between(prng, 1, 12) * PAGE;
	else if (roll < 80)
		op->new_size = size_pick(gen);
	if (prng_percent(prng, 6)) { /* as a whole, across chunks */
		large_fixed_find(gen, op);
		op->new_size = op->size;
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	}
	if (op->flags & MREMAP_DONTUNMAP && prng_percent(prng, 85))
		op->new_size = op->size;
	if (prng_percent(prng, 7)) {
		op->size = 0;
		op->flags |= MREMAP_MAYMOVE;
	}
	if (op->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		op->new_addr = place_pick(gen);
}

static void mprotect_generate(struct generator *gen, struct op *op)
{
	range_generate(gen, op);
	op->prot = prot_pick(&gen->prng);
}

static void brk_generate(struct generator *gen, struct op *op)
{
	struct prng *prng = &gen->prng;
	unsigned roll = prng_below(prng, 100);

	op->addr = (struct place){.kind = PLACE_HEAP};
	if (roll < 8)
		op->addr = (struct place){.kind = PLACE_ABSOLUTE};
	else if (roll < 60)
		op->addr.delta = prng_between(prng, 0, 20 * PAGE);
	else if (roll < 90)
		op->addr.delta = prng_between(prng, 0, 120 * PAGE);
	else
		op->addr.delta = prng_between(prng, 0, 4 * (long)gen->seq->world.chunk_size);
}

static void msync_generate(struct generator *gen, struct op *op)
{
	static const struct weighted flags[] = {
		{MS_SYNC, 40}, {MS_ASYNC, 30}, {0, 8}, {MS_SYNC | MS_INVALIDATE, 12}, {MS_INVALIDATE, 10}};

	range_generate(gen, op);
	op->flags = PICK(&gen->prng, flags);
}

static void madvise_generate(struct generator *gen, struct op *op)
{
	/* Not MADV_FREE: what can be read afterwards is the kernel's mood. Few that split the kernel's areas, see mremap-merge. */
	static const struct weighted advices[] = {{TULOU_MADV_DONTNEED, 50}, {TULOU_MADV_WILLNEED, 6}, {TULOU_MADV_REMOVE, 14},
		{TULOU_MADV_COLD, 4}, {TULOU_MADV_DONTNEED_LOCKED, 6}, {TULOU_MADV_POPULATE_READ, 15},
		{TULOU_MADV_POPULATE_WRITE, 9}, {TULOU_MADV_WIPEONFORK, 2}, {TULOU_MADV_KEEPONFORK, 1}, {TULOU_MADV_DONTFORK, 1},
		{TULOU_MADV_DOFORK, 1}, {TULOU_MADV_RANDOM, 1}};

	range_generate(gen, op);
	op->flags = (int)PICK(&gen->prng, advices);
}

static void touch_generate(struct generator *gen, struct op *op)
{
	static const struct weighted places[] = {{0, 50}, {100, 25}, {PAGE - 1, 25}};

	op->addr = place_pick(gen);
	op->size = (size_t)prng_between(&gen->prng, 1, 12) * PAGE;
	if (prng_percent(&gen->prng, 20))
		large_fixed_find(gen, op);
	op->addr.delta += PICK(&gen->prng, places);
	if (op->size > TOUCH_MAX)
		op->size = TOUCH_MAX;
	op->value = (uint8_t)prng_next(&gen->prng);
}

static void op_generate(struct generator *gen, struct op *op)
{
	static const struct weighted calls[] = {{CALL_MMAP, 39}, {CALL_MUNMAP, 10}, {CALL_MPROTECT, 11}, {CALL_MREMAP, 14},
		{CALL_BRK, 5}, {CALL_MSYNC, 6}, {CALL_MADVISE, 8}, {CALL_STORE, 10}, {CALL_LOAD, 4}};

	memset(op, 0, sizeof(*op));
	op->id = gen->number;
	op->file = -1;
	do
		op->call = (enum call_kind)PICK(&gen->prng, calls);
	while (op->call == CALL_BRK && !gen->seq->world.heap);
	switch (op->call) {
	case CALL_MMAP:
		mmap_generate(gen, op);
		break;
	case CALL_MREMAP:
		mremap_generate(gen, op);
		break;
	case CALL_MPROTECT:
		mprotect_generate(gen, op);
		break;
	case CALL_BRK:
		brk_generate(gen, op);
		break;
	case CALL_MSYNC:
		msync_generate(gen, op);
		break;
	case CALL_MADVISE:
		madvise_generate(gen, op);
		break;
	case CALL_STORE:
	case CALL_LOAD:
		touch_generate(gen, op);
		break;
	default:
		range_generate(gen, op);
		break;
	}
	if (op->call < CALL_STORE && prng_percent(&gen->prng, 14))
		op_spoil(gen, op);
}

/* ---- sequences ----------------------------------------------------------------------------------------------------------- */
static void world_generate(struct generator *gen, struct world *world)
{
	static const struct weighted chunks[] = {{64 << 10, 60}, {256 << 10, 25}, {1 << 20, 15}};
	struct prng *prng = &gen->prng;

	world->chunk_size = (size_t)PICK(prng, chunks);
	world->heap = prng_percent(prng, 50);
	gen->low = prng_percent(prng, 25);
	world->start = gen->low ? 0x40000000 : 0x200000000000;
	/* a small pool is soon full; a heap needs room */
	world->end = world->start + (!world->heap && prng_percent(prng, 24) ? 16 * world->chunk_size : 1ul << 29);
}

void sequence_generate(struct sequence *seq, const struct generator_options *options, unsigned number)
{
	struct generator gen = {.seq = seq, .plain_files = options->plain_files};

	gen.prng.state = options->seed * 0x100000001b3ull + number;
	prng_next(&gen.prng);
	memset(seq, 0, sizeof(*seq));
	world_generate(&gen, &seq->world);
	seq->count = options->count < SEQUENCE_MAX ? options->count : SEQUENCE_MAX;
	for (gen.number = 0; gen.number < seq->count; gen.number++)
		op_generate(&gen, &seq->ops[gen.number]);
}

/* SPDX-License-Identifier: MIT */
/* generate_memory.c - the calls with many cases: mmap, mremap, madvise. */
#include <sys/mman.h>

#include <tulou/abi.h>

#include "files.h"
#include "generate.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

int prot_pick(struct prng *prng)
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

void mmap_generate(struct generator *gen, struct op *op)
{
	enum { ANON_PRIVATE, ANON_SHARED, FILE_PRIVATE, FILE_SHARED, FILE_VALIDATE };
	static const struct weighted kinds[] = {
		{ANON_PRIVATE, 56}, {ANON_SHARED, 10}, {FILE_PRIVATE, 14}, {FILE_SHARED, 17}, {FILE_VALIDATE, 5}};
	static const int kind_flags[] = {
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE};
	enum { ANY, HINT, FIXED, NOREPLACE, LOW };
	static const struct weighted wheres[] = {{ANY, 40}, {HINT, 11}, {FIXED, 31}, {NOREPLACE, 15}, {LOW, 6}};
	static const struct weighted extras[] = {{0, 82}, {MAP_NORESERVE, 4}, {MAP_POPULATE, 3}, {MAP_LOCKED, 4}, {MAP_STACK, 2},
		{MAP_DENYWRITE, 2}, {MAP_EXECUTABLE, 2}, {MAP_POPULATE | MAP_NONBLOCK, 1}, {TULOU_MAP_UNINITIALIZED, 1},
		{MAP_GROWSDOWN, 5}};
	struct prng *prng = &gen->prng;
	int kind = PICK(prng, kinds), where = PICK(prng, wheres);

	if (gen->seq->world.pair && prng_percent(prng, 40)) /* what two processes share */
		kind = FILE_SHARED;

	op->prot = prot_pick(prng);
	op->flags = kind_flags[kind] | PICK(prng, extras);
	op->size = size_pick(gen);
	if (kind >= FILE_PRIVATE) {
		op->file = file_pick(gen);
		op->offset = (uint64_t)prng_between(prng, 0, prng_percent(prng, 80) ? 12 : 24) * PAGE;
		if ((op->file == FILE_READ_ONLY || op->file == FILE_SEALED_READ_ONLY) &&
			prng_percent(prng, 70)) /* let it succeed: mprotect comes later */
			op->prot &= ~PROT_WRITE;
	}
	if (op->flags & MAP_LOCKED && op->size > TOUCH_MAX) /* real pages */
		op->size = TOUCH_MAX;
	if (kind == FILE_VALIDATE) /* here flags that are not known are refused */
		op->flags &= ~(MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN);
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

/* All of a mapping that was made at a fixed place and may cross chunks, if there is one. */
void large_fixed_find(struct generator *gen, struct op *op)
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

void range_generate(struct generator *gen, struct op *op)
{
	op->addr = place_pick(gen);
	op->size = size_of_place(gen, &op->addr);
	if (prng_percent(&gen->prng, 12))
		large_fixed_find(gen, op);
}

void mremap_generate(struct generator *gen, struct op *op)
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

/* Few that split the kernel's areas, see mremap-merge. */
#define ADVICES_COMMON \
	{TULOU_MADV_DONTNEED, 50}, {TULOU_MADV_WILLNEED, 6}, {TULOU_MADV_REMOVE, 14}, {TULOU_MADV_COLD, 4}, \
		{TULOU_MADV_DONTNEED_LOCKED, 6}, {TULOU_MADV_POPULATE_READ, 15}, {TULOU_MADV_POPULATE_WRITE, 9}, \
		{TULOU_MADV_WIPEONFORK, 2}, {TULOU_MADV_KEEPONFORK, 2}, {TULOU_MADV_DONTFORK, 2}, {TULOU_MADV_DOFORK, 2}, \
		{TULOU_MADV_RANDOM, 1}, {TULOU_MADV_SEQUENTIAL, 1}, {TULOU_MADV_NORMAL, 2}, {TULOU_MADV_FREE, 10}, \
		{TULOU_MADV_PAGEOUT, 3}, {TULOU_MADV_DONTDUMP, 1}, {TULOU_MADV_DODUMP, 1}, {TULOU_MADV_MERGEABLE, 1}, \
		{TULOU_MADV_UNMERGEABLE, 1}, {TULOU_MADV_HUGEPAGE, 1}, \
	{ \
		TULOU_MADV_NOHUGEPAGE, 1 \
	}

void madvise_generate(struct generator *gen, struct op *op)
{
	static const struct weighted plain[] = {ADVICES_COMMON};
	static const struct weighted guards[] = {
		ADVICES_COMMON, {TULOU_MADV_COLLAPSE, 2}, {TULOU_MADV_GUARD_INSTALL, 10}, {TULOU_MADV_GUARD_REMOVE, 6}};

	range_generate(gen, op);
	op->flags = !gen->options->plain_files && gen->options->guards ? PICK(&gen->prng, guards) : PICK(&gen->prng, plain);
}

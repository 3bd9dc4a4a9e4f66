/* SPDX-License-Identifier: MIT */
/*
 * generate.c - the dice. Weights are chosen so that the required cells of cells.c are all reached: ranges of several areas and of
 * several chunks come from small chunks and from sizes around them, errors from a share of calls that are spoiled on purpose.
 */
#include "generate.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tulou/abi.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static void mprotect_generate(struct generator *gen, struct op *op)
{
	range_generate(gen, op);
	op->prot = prot_pick(&gen->prng);
	op->flags = prng_percent(&gen->prng, 5);
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

/* Locked pages are real ones: not too many. */
static void mlock_generate(struct generator *gen, struct op *op)
{
	static const struct weighted kinds[] = {{0, 50}, {1, 30}, {2, 20}};

	range_generate(gen, op);
	if (op->size > TOUCH_MAX)
		op->size = TOUCH_MAX;
	op->prot = (int)PICK(&gen->prng, kinds);
	op->flags = op->prot == 2 && prng_percent(&gen->prng, 80);
}

/* What sets all free again is not rare. */
static void mlockall_generate(struct generator *gen, struct op *op)
{
	static const struct weighted flags[] = {{MCL_CURRENT, 20}, {MCL_FUTURE, 25}, {MCL_CURRENT | MCL_FUTURE, 10},
		{MCL_CURRENT | MCL_ONFAULT, 20}, {MCL_FUTURE | MCL_ONFAULT, 15}, {MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, 10}};

	op->prot = prng_percent(&gen->prng, 40);
	op->flags = op->prot ? PICK(&gen->prng, flags) : 0;
	/* Large areas as real pages are too slow, and a sanitizer's shadow is larger than the machine. */
	if (gen->seq->world.chunk_size > 64 << 10 || (SANITIZED && op->flags & MCL_CURRENT))
		op->flags |= op->flags ? MCL_ONFAULT : 0;
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

static enum call_kind call_pick(struct generator *gen)
{
	static const struct weighted calls[] = {{CALL_MMAP, 78}, {CALL_MUNMAP, 20}, {CALL_MPROTECT, 26}, {CALL_MREMAP, 28},
		{CALL_BRK, 10}, {CALL_MSYNC, 12}, {CALL_MADVISE, 20}, {CALL_MINCORE, 6}, {CALL_MLOCK, 10}, {CALL_MLOCKALL, 2},
		{CALL_MSEAL, 6}, {CALL_WRITE, 6}, {CALL_TRUNCATE, 30}, {CALL_STORE, 24}, {CALL_LOAD, 10}};

	for (;;) {
		enum call_kind call = (enum call_kind)PICK(&gen->prng, calls);

		if ((call == CALL_BRK && !gen->seq->world.heap) || (call == CALL_MSEAL && !gen->seals) ||
			(call == CALL_MLOCKALL && !gen->options->lock_all) || (call == CALL_TRUNCATE && !gen->files))
			continue;
		return call;
	}
}

static void op_generate(struct generator *gen, struct op *op)
{
	memset(op, 0, sizeof(*op));
	op->id = gen->number;
	op->file = -1;
	op->who = gen->seq->world.pair && prng_percent(&gen->prng, 50);
	op->call = call_pick(gen);
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
	case CALL_MLOCK:
		mlock_generate(gen, op);
		break;
	case CALL_MLOCKALL:
		mlockall_generate(gen, op);
		break;
	case CALL_WRITE:
	case CALL_TRUNCATE: /* or another one */
		file_call_generate(gen, op);
		break;
	case CALL_STORE:
	case CALL_LOAD:
		touch_generate(gen, op);
		break;
	default:
		range_generate(gen, op);
		break;
	}
	if (op->call < CALL_STORE && !call_is_of_file(op->call) && prng_percent(&gen->prng, 14))
		op_spoil(gen, op);
}

/* ---- sequences ----------------------------------------------------------------------------------------------------------- */
static void world_generate(struct generator *gen, struct world *world)
{
	static const struct weighted chunks[] = {{64 << 10, 60}, {256 << 10, 25}, {1 << 20, 15}};
	struct prng *prng = &gen->prng;

	world->chunk_size = (size_t)PICK(prng, chunks);
	world->pair = gen->options->pairs && prng_percent(prng, 25);
	world->heap = !world->pair && prng_percent(prng, 50);
	gen->low = prng_percent(prng, 25);
	gen->seals = gen->options->mseal && prng_percent(prng, 16);
	gen->files = prng_percent(prng, world->pair ? 80 : 45);
	world->start = gen->low ? 0x40000000 : 0x200000000000;
	/* a small pool is soon full; a heap needs room */
	world->end = world->start + (!world->heap && prng_percent(prng, 24) ? 16 * world->chunk_size : 1ul << 29);
}

void kernel_features(struct generator_options *options)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int status;

	options->mseal = syscall(462 /* mseal */, 0, 0, 0) == 0;
	options->guards = madvise(page, PAGE, TULOU_MADV_GUARD_INSTALL) == 0;
	munmap(page, PAGE);
	fflush(NULL);
	pid = fork(); /* what it locks is unlocked with it */
	if (pid == 0)
		_exit(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0);
	options->lock_all = waitpid(pid, &status, 0) == pid && status == 0;
}

void sequence_generate(struct sequence *seq, const struct generator_options *options, unsigned number)
{
	struct generator gen = {.seq = seq, .options = options};

	gen.prng.state = options->seed * 0x100000001b3ull + number;
	prng_next(&gen.prng);
	memset(seq, 0, sizeof(*seq));
	world_generate(&gen, &seq->world);
	seq->count = options->count < SEQUENCE_MAX ? options->count : SEQUENCE_MAX;
	for (gen.number = 0; gen.number < seq->count; gen.number++)
		op_generate(&gen, &seq->ops[gen.number]);
}

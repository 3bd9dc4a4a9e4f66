/* SPDX-License-Identifier: MIT */
/* generate_file.c - which files are mapped, and what else happens to them meanwhile. */
#include <fcntl.h>

#include "files.h"
#include "generate.h"

#define COMMON \
	{FILE_MEMORY, 44}, {FILE_OTHER, 20}, {FILE_READ_ONLY, 16}, {FILE_WRITE_ONLY, 6}, {FILE_EMPTY, 5}, \
	{ \
		FILE_CLOSED, 4 \
	}

int file_pick(struct generator *gen)
{
	static const struct weighted all[] = {COMMON, {-1, 2}, {FILE_SEALED, 9}, {FILE_SEALED_READ_ONLY, 3}, {FILE_DISK, 7},
		{FILE_DIRECTORY, 3}, {FILE_PIPE, 3}, {FILE_ZERO, 3}, {FILE_NULL, 2}, {FILE_PATH, 2}};
	static const struct weighted plain[] = {COMMON, {-1, 2}};

	return gen->options->plain_files ? PICK(&gen->prng, plain) : PICK(&gen->prng, all);
}

static int file_called_pick(struct generator *gen)
{
	static const struct weighted all[] = {{FILE_MEMORY, 40}, {FILE_OTHER, 15}, {FILE_READ_ONLY, 8}, {FILE_WRITE_ONLY, 6},
		{FILE_EMPTY, 10}, {FILE_CLOSED, 1}, {FILE_SEALED, 16}, {FILE_SEALED_READ_ONLY, 3}, {FILE_DISK, 10},
		{FILE_DIRECTORY, 1}, {FILE_PIPE, 1}, {FILE_ZERO, 1}, {FILE_NULL, 1}, {FILE_PATH, 1}};
	static const struct weighted plain[] = {{FILE_MEMORY, 50}, {FILE_OTHER, 20}, {FILE_READ_ONLY, 8}, {FILE_WRITE_ONLY, 6},
		{FILE_EMPTY, 12}, {FILE_CLOSED, 2}};

	return gen->options->plain_files ? PICK(&gen->prng, plain) : PICK(&gen->prng, all);
}

/* One seal, mostly one that does not forbid all that follows. */
static int seal_pick(struct prng *prng)
{
	static const struct weighted seals[] = {{F_SEAL_SEAL, 2}, {F_SEAL_SHRINK, 3}, {F_SEAL_GROW, 3}, {F_SEAL_WRITE, 5},
		{0x10 /* F_SEAL_FUTURE_WRITE */, 4}, {0x1000, 1}};

	return PICK(prng, seals);
}

/* Somewhere in what may be mapped, or behind it. */
static uint64_t offset_pick(struct prng *prng)
{
	uint64_t offset = (uint64_t)prng_between(prng, 0, prng_percent(prng, 80) ? 16 : 36) * PAGE;

	return offset + (prng_percent(prng, 60) ? (uint64_t)prng_between(prng, 0, PAGE - 1) : 0);
}

void file_call_generate(struct generator *gen, struct op *op)
{
	static const struct weighted calls[] = {
		{CALL_TRUNCATE, 34}, {CALL_WRITE, 30}, {CALL_READ, 24}, {CALL_CLOSE, 2}, {CALL_SEAL, 10}};
	struct prng *prng = &gen->prng;

	do
		op->call = (enum call_kind)PICK(prng, calls);
	while (op->call == CALL_SEAL && gen->options->plain_files);
	op->file = file_called_pick(gen);
	if (op->call == CALL_SEAL && prng_percent(prng, 80))
		op->file = FILE_SEALED;
	op->offset = offset_pick(prng);
	op->size = (size_t)prng_between(prng, 1, prng_percent(prng, 70) ? 2 * PAGE : FILE_BYTES_MAX);
	op->flags = seal_pick(prng);
	op->value = (uint8_t)prng_next(prng);
	if (op->file == FILE_DISK) { /* writing back clears what lies behind the end, whenever it likes */
		op->offset &= ~(uint64_t)(PAGE - 1);
		op->size = (op->size + PAGE - 1) & ~(size_t)(PAGE - 1);
	}
	if (op->call == CALL_TRUNCATE && prng_percent(prng, 2))
		op->offset = -1ul;
}

/* SPDX-License-Identifier: MIT */
/*
 * spoil.c - bad arguments of all kinds. Whatever comes out is also given to the kernel in a child of this program, so nothing
 * here may name memory of that child: absolute addresses are page zero's neighbourhood (nothing is mapped there, and MAP_FIXED
 * is never asked for there) and what lies above the user range.
 */
#include <sys/mman.h>

#include "generate.h"

static const long beyond[] = {0x7ffffffff000, 0x800000000000, (long)0xffff800000000000ul, (long)0xfffffffffffff000ul};

static struct place place_beyond(struct prng *prng)
{
	return (struct place){.kind = PLACE_ABSOLUTE, .delta = beyond[prng_below(prng, 4)]};
}

static long odd(struct prng *prng)
{
	return prng_between(prng, 1, PAGE - 1);
}

static void mmap_spoil(struct generator *gen, struct op *op)
{
	static const uint64_t offsets[] = {
		1, 100, PAGE - 1, PAGE + 1, 0x7ffffffffffff000, 0x8000000000000000, 0xfffffffffffff000};
	struct prng *prng = &gen->prng;

	if (!(op->flags & MAP_ANONYMOUS) && prng_percent(prng, 40)) {
		op->offset = offsets[prng_below(prng, sizeof(offsets) / sizeof(offsets[0]))];
		return;
	}
	switch (prng_below(prng, 8)) {
	case 0:
		op->size = 0;
		break;
	case 1:
		op->size = size_wild(prng);
		break;
	case 2: /* no matter to anonymous memory, as long as it is a multiple of the page size */
		op->offset = offsets[prng_below(prng, sizeof(offsets) / sizeof(offsets[0]))];
		break;
	case 3: /* no type, or one that does not exist */
		op->flags = (op->flags & ~MAP_TYPE) | (prng_percent(prng, 50) ? 0 : 4);
		break;
	case 4:
		op->addr = place_pick(gen);
		op->addr.delta += odd(prng);
		op->flags |= prng_percent(prng, 70) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
		break;
	case 5:
		op->addr = place_beyond(prng);
		op->flags |= prng_percent(prng, 50) ? MAP_FIXED : 0;
		break;
	case 6: /* flags that are ignored, but not by MAP_SHARED_VALIDATE */
		op->flags |= prng_percent(prng, 50) ? MAP_SYNC : 1 << 24;
		if (prng_percent(prng, 70))
			op->flags |= MAP_SHARED_VALIDATE;
		break;
	default: /* a file mapping without a file */
		op->flags &= ~MAP_ANONYMOUS;
		break;
	}
}

static void range_spoil(struct generator *gen, struct op *op)
{
	struct prng *prng = &gen->prng;

	switch (prng_below(prng, 5)) {
	case 0:
		op->size = 0;
		break;
	case 1: /* madvise and msync go on behind holes: only sizes that wrap are safe for this process */
		op->size = op->call == CALL_MUNMAP || op->call == CALL_MPROTECT || op->call == CALL_MREMAP ? size_wild(prng)
													   : -8192ul;
		break;
	case 2:
		op->addr = place_beyond(prng);
		break;
	case 3:
		op->addr = (struct place){.kind = PLACE_ABSOLUTE, .delta = PAGE};
		break;
	default:
		op->addr.delta += odd(prng);
		break;
	}
}

static void mremap_spoil(struct generator *gen, struct op *op)
{
	static const int flags[] = {MREMAP_FIXED, MREMAP_DONTUNMAP, 8, MREMAP_MAYMOVE | 8, MREMAP_FIXED | MREMAP_DONTUNMAP};
	struct prng *prng = &gen->prng;

	switch (prng_below(prng, 8)) {
	case 0:
		op->new_size = 0;
		break;
	case 1:
		op->new_size = size_wild(prng);
		break;
	case 2:
	case 3:
		op->flags = flags[prng_below(prng, sizeof(flags) / sizeof(flags[0]))];
		break;
	case 4:
		op->new_addr = place_pick(gen);
		op->new_addr.delta += odd(prng);
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		break;
	case 5:
		op->new_addr = place_beyond(prng);
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		break;
	case 6: /* the new range overlaps the old one */
		op->new_addr = op->addr;
		op->new_addr.delta += prng_between(prng, -3, 3) * PAGE;
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		break;
	default:
		range_spoil(gen, op);
		break;
	}
}

void op_spoil(struct generator *gen, struct op *op)
{
	static const int prots[] = {PROT_READ | PROT_GROWSDOWN, PROT_GROWSUP, PROT_GROWSDOWN | PROT_GROWSUP, 0x40, 0x800};
	static const int advices[] = {-1, 7, 99, 1000}, all_flags[] = {0, MCL_ONFAULT, 8, MCL_CURRENT | 8};
	struct prng *prng = &gen->prng;

	switch (op->call) {
	case CALL_MMAP:
		mmap_spoil(gen, op);
		break;
	case CALL_MREMAP:
		mremap_spoil(gen, op);
		break;
	case CALL_BRK: /* below the start, or far beyond everything */
		op->addr.delta = prng_percent(prng, 50) ? -prng_between(prng, 1, 4 * PAGE) : 1l << 46;
		op->addr.kind = PLACE_HEAP;
		break;
	case CALL_MPROTECT:
		if (prng_percent(prng, 50))
			op->prot = prots[prng_below(prng, 5)];
		else
			range_spoil(gen, op);
		break;
	case CALL_MSYNC:
		if (prng_percent(prng, 50))
			op->flags = prng_percent(prng, 50) ? MS_SYNC | MS_ASYNC : 8;
		else
			range_spoil(gen, op);
		break;
	case CALL_MLOCK:
		if (op->prot == 2 && prng_percent(prng, 40))
			op->flags = prng_percent(prng, 50) ? 2 : -1;
		else
			range_spoil(gen, op);
		break;
	case CALL_MLOCKALL:
		op->prot = 1;
		op->flags = all_flags[prng_below(prng, 4)];
		break;
	case CALL_MSEAL:
		if (prng_percent(prng, 40))
			op->flags = 1;
		else
			range_spoil(gen, op);
		break;
	case CALL_MADVISE:
		if (prng_percent(prng, 40))
			op->flags = advices[prng_below(prng, 4)];
		else
			range_spoil(gen, op);
		break;
	default:
		range_spoil(gen, op);
		break;
	}
}

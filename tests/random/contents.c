/* SPDX-License-Identifier: MIT */
/*
 * contents.c - what can be read in the arena, as one number: a few bytes of each page that is mapped readable. Of long ranges
 * only the first and last pages are read: sequences write near the ends.
 */
#include <sys/mman.h>

#include "side.h"

enum { PAGES_FRONT = 24, PAGES_BACK = 8 };

static const unsigned probes[] = {0, 100, PAGE - 1};

/* The bytes of one page; a fault is part of the contents. */
static uint64_t page_hash(struct run *run, uintptr_t addr, FILE *dump)
{
	uint64_t hash = addr;

	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		uint8_t value = 0;
		long fault = run->side->load(run, addr + probes[i], &value);

		hash = (hash ^ (value | (uint64_t)fault << 8)) * 0x100000001b3ull;
		if (dump && fault)
			fprintf(dump, " signal %ld code %ld", fault & 0xff, fault >> 8);
		else if (dump)
			fprintf(dump, " %02x", value);
		if (fault)
			break;
	}
	return hash;
}

uint64_t contents_hash(struct run *run, FILE *dump)
{
	uint64_t hash = 1;

	for (unsigned i = 0; i < run_map(run)->count; i++) {
		const struct range *range = &run_map(run)->ranges[i];
		size_t pages = (range->end - range->start) / PAGE;

		if (!(range->prot & PROT_READ))
			continue;
		for (size_t page = 0; page < pages; page++) {
			if (page == PAGES_FRONT && pages > PAGES_FRONT + PAGES_BACK)
				page = pages - PAGES_BACK;
			if (dump) {
				fputs("    ", dump);
				address_print(dump, &run->sequence->world, range->start + page * PAGE);
				fputs(":", dump);
			}
			hash = hash * 31 + page_hash(run, range->start + page * PAGE, dump);
			if (dump)
				fputs("\n", dump);
		}
	}
	return hash ? hash : 1;
}

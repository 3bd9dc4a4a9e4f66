/* SPDX-License-Identifier: MIT */
/*
 * map_options.h - what a new mapping contains (the initializer of the chart), on its way from a call to the host.
 *
 *     initializer    private            shared             An anonymous mapping is zeros; a shared one has an object of its own,
 *     zeros          no object          object, serial     so that the areas that show it are known. A file's mapping has the file's
 *     file           object, dev+ino    object, dev+ino    object; the host gets the descriptor while the call lasts.
 *
 * The call holds one attachment of the object from open to close; each area record that is made holds another.
 */
#ifndef TULOU_VM_MAP_OPTIONS_H
#define TULOU_VM_MAP_OPTIONS_H

#include "layout.h"
#include "shm_manager.h"

struct map_options {
	int prot, flags; /* as the caller gave them */
	int lock; /* flags of AREA_LOCK_MASK that the process gives to all new areas */
	struct tulou_file file; /* file mappings, after file_get */
	bool has_file;
	uint64_t offset;
	struct area_content content; /* what the areas will say */
};

/* Bytes of the huge pages that flags of mmap(2) ask for: 0: none, or of a size that x86-64 has not. */
static inline size_t map_options_huge(int flags)
{
	int shift = (flags >> 26) & 63;

	if (!(flags & TULOU_MAP_HUGETLB))
		return 0;
	return !shift || 1ul << shift == HUGE_SMALL ? HUGE_SMALL : 1ul << shift == HUGE_LARGE ? HUGE_LARGE : 0;
}

/* Make the content; takes over the reference to the file. One record. */
void map_options_open(struct map_options *options, struct stock *stock);
/* Drop the call's own attachment. May call the host. */
void map_options_close(struct map_options *options, struct stock *stock);
/* Have the host make it appear in `range`. */
int map_options_map(const struct map_options *options, struct range range, const struct tulou_host *host);

#endif

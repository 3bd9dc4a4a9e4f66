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

int map_options_huge_flags(const struct map_options *options);
void map_options_attach(struct map_options *options, struct stock *stock);
int map_options_map_file(const struct map_options *options, struct tulou_mapping *mapping, const struct tulou_host *host);

/* The size of a huge page is in the upper bits of the flags, as its binary logarithm. */
#define MAP_HUGE_SIZE_BITS (31 << 26)

enum {
	/* what makes two areas differ */
	MAP_FLAGS_OF_AREA =
		TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE | TULOU_MAP_LOCKED | TULOU_MAP_GROWSDOWN | TULOU_MAP_HUGETLB,
	/* what the host is told beside */
	MAP_FLAGS_OF_HOST = (MAP_FLAGS_OF_AREA & ~TULOU_MAP_LOCKED) | TULOU_MAP_POPULATE | TULOU_MAP_STACK | TULOU_MAP_SYNC,
};

/* What an area says of the type. */
static inline int map_options_sharing(int flags)
{
	int type = flags & TULOU_MAP_TYPE;

	if (likely(type == TULOU_MAP_PRIVATE))
		return TULOU_MAP_PRIVATE;
	return type == TULOU_MAP_DROPPABLE ? TULOU_MAP_PRIVATE | AREA_DROPPABLE : TULOU_MAP_SHARED;
}

/* Make the content; takes over the reference to the file. One record. */
static inline void map_options_open(struct map_options *options, struct stock *stock)
{
	int flags = options->flags;

	options->content = (struct area_content){
		.flags = map_options_sharing(flags) | (flags & MAP_FLAGS_OF_AREA) | options->lock,
		.prot = (uint8_t)perms_of(options->prot),
		.kind = TULOU_AREA_MMAP,
	};
	if (unlikely(options->has_file || (flags & TULOU_MAP_HUGETLB)))
		options->content.flags |= map_options_huge_flags(options);
	if (unlikely(options->content.flags & TULOU_MAP_HUGETLB)) /* as Linux: huge pages are never pageable */
		options->content.flags &= ~AREA_LOCK_MASK;
	if (options->has_file || (options->content.flags & TULOU_MAP_SHARED))
		map_options_attach(options, stock);
}

/* Drop the call's own attachment. May call the host. */
static inline void map_options_close(struct map_options *options, struct stock *stock)
{
	if (options->content.object)
		shm_detach(options->content.object, stock);
}

/* What the host is told of the flags: since Linux 2.6.23 POPULATE does nothing beside NONBLOCK, and what is locked as it is touched must not
 * be brought in. */
static inline int map_options_host_flags(const struct map_options *options)
{
	int flags = options->flags, type = flags & TULOU_MAP_TYPE;
	bool lazy = (flags & TULOU_MAP_NONBLOCK) || (options->lock & AREA_LOCKONFAULT);

	return (type == TULOU_MAP_SHARED_VALIDATE ? TULOU_MAP_SHARED : type) |
	       (flags & (MAP_FLAGS_OF_HOST | MAP_HUGE_SIZE_BITS) & ~(lazy ? TULOU_MAP_POPULATE : 0));
}

/* Have the host make it appear in `range`. */
static inline int map_options_map(const struct map_options *options, struct range range, const struct tulou_host *host)
{
	struct tulou_mapping mapping = {
		.start = range.start,
		.size = range_size(range),
		.prot = options->content.prot,
		.flags = map_options_host_flags(options),
		.lock = host->lock ? area_lock_of(&options->content) : TULOU_LOCK_OFF,
	};

	return options->has_file ? map_options_map_file(options, &mapping, host) : host->map(host->ctx, &mapping);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * area.h - a VMA: one range of one process, whose pages are alike.
 *
 *     chunks  |  AAAA  BBBBBB..CC   |CC...   |      an area never crosses a chunk's edge; what one mmap put into two chunks is two areas,
 *                                                     which mremap treats as one mapping
 *
 * Areas are not kept one by one: the step map of the process says what is where (step_map.h), its contents what that shows
 * (content.h). Two areas that touch in a chunk are one if they show the same: same perms, flags and kind, and the same object at
 * continuing offsets. Anonymous private memory has no object; shared anonymous memory has one per mmap.
 */
#ifndef TULOU_VM_AREA_H
#define TULOU_VM_AREA_H

#include <tulou/inspect.h>

#include "base/range.h"
#include "layout.h"
#include "perms.h"

struct shm_object;

/* What an area's flags say beside TULOU_MAP_*: bits that no flag of mmap(2) has that areas keep. */
enum {
	AREA_DROPPABLE = 1 << 26, /* beside TULOU_MAP_PRIVATE: the host may drop its pages */
	AREA_DONTFORK = 1 << 27, /* a copy of the address space is made without it */
	AREA_LOCKONFAULT = 1 << 28, /* beside TULOU_MAP_LOCKED: locked as they are touched */
	AREA_SEALED = 1 << 29, /* mseal(2): stays as it is until the process ends */
	AREA_HUGE_LARGE = 1 << 30, /* beside TULOU_MAP_HUGETLB: pages of 1 GiB, not of 2 MiB */
	AREA_LOCK_MASK = TULOU_MAP_LOCKED | AREA_LOCKONFAULT,
};

/* What an area shows and how: everything but where. */
struct area_content {
	struct shm_object *object; /* NULL: private anonymous memory, or nothing */
	uint64_t offset; /* bytes into the object at the area's start */
	union {
		struct {
			int flags; /* TULOU_MAP_*, as struct tulou_mapping has them, less POPULATE; AREA_* */
			uint8_t prot;
			uint8_t kind; /* enum tulou_area_kind */
			bool pending; /* placed by a call that has not yet been to the host */
			uint8_t zero;
		};
		uint64_t look; /* all of that, to be compared */
	};
};

/* What a call changes of areas that stay where they are. */
struct area_change {
	int set, clear; /* flags */
	int clear_writable; /* flags, of private areas that become writable */
	int prot; /* -1: as it was */
};

static inline bool area_content_gains_write(const struct area_content *content, int prot)
{
	return (prot & TULOU_PROT_WRITE) && !(content->prot & TULOU_PROT_WRITE);
}

/* What it will be. */
static inline struct area_content area_content_changed(struct area_content content, struct area_change change)
{
	int clear = change.clear;

	if (change.prot >= 0) {
		if (area_content_gains_write(&content, change.prot) && (content.flags & TULOU_MAP_TYPE) == TULOU_MAP_PRIVATE)
			clear |= change.clear_writable;
		content.prot = (uint8_t)change.prot;
	}
	content.flags = (content.flags & ~clear) | change.set;
	return content;
}

/* A copy, true until the next change. */
struct area {
	struct range range;
	struct area_content content;
};

/* One as it stands in the books, where it can be looked at until the next change. Its offset is as a content has it (content.h). */
struct area_seen {
	struct range range;
	const struct area_content *content;
};

/* Kept for a mapping that grows down: growth.h. */
static inline bool content_is_room(const struct area_content *content)
{
	return content->kind == TULOU_AREA_ROOM || content->kind == TULOU_AREA_BARRIER;
}

static inline bool area_is_room(const struct area *area)
{
	return content_is_room(&area->content);
}

/* The host may have pages in it. */
static inline bool content_is_at_host(const struct area_content *content)
{
	return content->kind != TULOU_AREA_RESERVED && content->kind != TULOU_AREA_LIMBO && !content->pending;
}

/* Pages of the host stand behind it, for the process to use. */
static inline bool content_has_pages(const struct area_content *content)
{
	return content_is_at_host(content) && !content_is_room(content);
}

static inline bool area_has_pages(const struct area *area)
{
	return content_has_pages(&area->content);
}

/* What the area can be cut at. Bytes. */
static inline size_t area_content_page_size(const struct area_content *content)
{
	if (likely(!(content->flags & TULOU_MAP_HUGETLB)))
		return TULOU_PAGE_SIZE;
	return content->flags & AREA_HUGE_LARGE ? 1ul << 30 : 2ul << 20;
}

/* What RLIMIT_DATA counts: private memory that can be written, but stacks (mm/mmap.c: is_data_mapping). */
static inline bool area_content_is_data(const struct area_content *content)
{
	return (content->flags & TULOU_MAP_TYPE) == TULOU_MAP_PRIVATE && (content->prot & TULOU_PROT_WRITE) &&
	       !(content->flags & TULOU_MAP_GROWSDOWN) && content->kind != TULOU_AREA_STACK;
}

/* What tulou_config.memory_limit counts. */
static inline bool area_content_is_committed(const struct area_content *content)
{
	if (content->flags & (TULOU_MAP_NORESERVE | TULOU_MAP_GROWSDOWN | TULOU_MAP_HUGETLB) || content->kind == TULOU_AREA_STACK)
		return false;
	if ((content->flags & TULOU_MAP_TYPE) == TULOU_MAP_PRIVATE)
		return content->prot & TULOU_PROT_WRITE;
	return content->flags & TULOU_MAP_ANONYMOUS;
}

/* What one process has in all its areas, in bytes; changed under its process lock. */
struct usage {
	size_t total, data; /* what RLIMIT_AS and RLIMIT_DATA bound */
	size_t committed; /* what the pool's memory limit bounds */
};

/* What `size` bytes of it are. Room below what grows is nothing yet. */
static inline struct usage usage_of(const struct area_content *content, size_t size)
{
	if (content_is_room(content))
		return (struct usage){0};
	return (struct usage){
		.total = size,
		.data = area_content_is_data(content) ? size : 0,
		.committed = area_content_is_committed(content) ? size : 0,
	};
}

static inline void usage_add(struct usage *usage, struct usage more)
{
	usage->total += more.total;
	usage->data += more.data;
	usage->committed += more.committed;
}

static inline struct usage usage_less(struct usage usage, struct usage less)
{
	return (struct usage){usage.total - less.total, usage.data - less.data, usage.committed - less.committed};
}

static inline enum tulou_lock area_lock_of(const struct area_content *content)
{
	if (!(content->flags & TULOU_MAP_LOCKED))
		return TULOU_LOCK_OFF;
	return content->flags & AREA_LOCKONFAULT ? TULOU_LOCK_ONFAULT : TULOU_LOCK_ON;
}

/* The content as seen from `by` bytes further up. */
static inline struct area_content area_content_at(struct area_content content, size_t by)
{
	if (content.object)
		content.offset += by;
	return content;
}

#endif

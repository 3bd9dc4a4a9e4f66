/* SPDX-License-Identifier: MIT */
/*
 * content.h - what the areas of one process show: each different content once, with a number.
 *
 *     step map   |3 |FREE |3    |4 |NONE        contents   3: private anonymous, rw     12 pages
 *                                                          4: file 8:1234, r, 16 pages up from its address    1 page
 *
 * An offset is kept less the address, so that one mapping is one content wherever it is cut, and neighbours that continue each other
 * have the same number. A content counts its pages. One that shows a shared object holds an attachment of it, and is given up
 * when its last page goes (content_flush); one without is kept, since there are few.
 *
 * Invariants: P9 `pages` are those of the step map; P10 every content is found by what it says.
 * Lock: the process's. A reader without it may look at a content whose number it has from step_peek(), and then must see that
 * the version holds.
 */
#ifndef TULOU_VM_CONTENT_H
#define TULOU_VM_CONTENT_H

#include "area.h"
#include "record.h"
#include "step_map.h"

_Static_assert(sizeof(struct area_content) % 8 == 0, "noted as words");

enum { CONTENT_SEGMENTS = 20, CONTENT_FIRST_SHIFT = 4 };

struct content {
	struct area_content is; /* offset: less the address */
	struct usage byte; /* what one byte of it counts as */
	uint64_t pages;
	uint32_t next; /* number: in the list of those not used */
	uint32_t dropped; /* number: in the list of those without pages; CONTENT_NONE: not in it */
};

struct content_table {
	struct arena *arena;
	struct content *segment[CONTENT_SEGMENTS]; /* of 16, 32, 64 … */
	uint32_t segment_count, capacity;
	uint32_t *bucket; /* numbers, 0: none; 16 << segment_count of them, more than there are contents */
	uint32_t *chain; /* by index: the next number in the same bucket */
	uint32_t used; /* indices ever given out */
	uint32_t free, free_count;
	uint32_t dropped; /* 0: none */
	/* The numbers that were asked for last: mostly one of them is asked for again. */
	struct content_last {
		uint32_t number; /* 0: none */
		struct content *content;
	} last, before;
};

#define CONTENT_NONE UINT32_MAX

/* No memory is needed before the first reserve. */
void content_init(struct content_table *table, struct arena *arena);
bool content_reserve_slow(struct content_table *table, uint32_t count);
/* The number of what `is` says at the address `start`. Cannot fail: it was reserved. A new one with an object attaches it. */
static inline uint32_t content_number(
	struct content_table *table, const struct area_content *is, uintptr_t start, struct stock *stock);
/* The same, where the offset is as it is kept. */
static inline uint32_t content_number_kept(struct content_table *table, const struct area_content *is, struct stock *stock);
/* The same for what is not what was asked for last. */
uint32_t content_number_slow(struct content_table *table, const struct area_content *is, struct stock *stock);
/* The number of a content as it is kept; 0: there is none. */
uint32_t content_find(const struct content_table *table, const struct area_content *is);
/* Give up the contents that have no page any more. May call the host: hold no lock but the process's. */
void content_flush_slow(struct content_table *table, struct stock *stock);
/* After what was half done has been rolled back: nothing is remembered of it. */
void content_forget(struct content_table *table);
/* Note that a content has lost its last page. */
void content_drop(struct content_table *table, uint32_t number);

/* The numbers that may be in use are those of the indices below `used`. */
static inline uint32_t content_end(const struct content_table *table)
{
	return STEP_AREA + table->used;
}

static inline struct content *content_at(const struct content_table *table, uint32_t number)
{
	uint32_t place = number - STEP_AREA + (1u << CONTENT_FIRST_SHIFT);
	unsigned segment = 31u - (unsigned)__builtin_clz(place);

	return &__atomic_load_n(&table->segment[segment - CONTENT_FIRST_SHIFT], __ATOMIC_RELAXED)[place - (1u << segment)];
}

/* The same for who has the lock: mostly it is what was asked for last. */
static inline struct content *content_known(const struct content_table *table, uint32_t number)
{
	return likely(number == table->last.number) ? table->last.content : content_at(table, number);
}

/* Without a lock: what the content with the number says, or said, but object and offset; what was read counts if the version of the map holds. */
static inline struct area_content content_peek(const struct content_table *table, uint32_t number)
{
	return (struct area_content){.look = __atomic_load_n(&content_at(table, number)->is.look, __ATOMIC_RELAXED)};
}

static inline bool content_is_used(const struct content *content)
{
	return content->is.flags; /* private or shared, at least */
}

/* What a page at `start` with the content shows. */
static inline struct area_content content_shown(const struct content *content, uintptr_t start)
{
	struct area_content is = content->is;

	if (is.object)
		is.offset += start;
	return is;
}

/* Room for `count` new contents. False: no memory. */
static inline bool content_reserve(struct content_table *table, uint32_t count)
{
	return likely(table->free_count + table->capacity >= table->used + count) || content_reserve_slow(table, count);
}

static inline bool content_is(const struct area_content *a, const struct area_content *b)
{
	return a->object == b->object && a->offset == b->offset && a->look == b->look;
}

static inline uint32_t content_number_kept(struct content_table *table, const struct area_content *is, struct stock *stock)
{
	if (likely(table->last.number && content_is(&table->last.content->is, is)))
		return table->last.number;
	return content_number_slow(table, is, stock);
}

static inline uint32_t content_number(
	struct content_table *table, const struct area_content *is, uintptr_t start, struct stock *stock)
{
	struct area_content kept = *is;

	if (unlikely(is->object))
		kept.offset -= start;
	return content_number_kept(table, &kept, stock);
}

static inline void content_flush(struct content_table *table, struct stock *stock)
{
	if (unlikely(table->dropped))
		content_flush_slow(table, stock);
}

#endif

/* SPDX-License-Identifier: MIT */
/* content.c - see content.h. */
#include "content.h"
#include "shm_manager.h"

enum { FIRST_COUNT = 1 << CONTENT_FIRST_SHIFT };

void content_init(struct content_table *table, struct arena *arena)
{
	*table = (struct content_table){.arena = arena};
}

static uint64_t content_hash(const struct area_content *is)
{
	uint64_t hash = (uintptr_t)is->object ^ is->offset;

	hash ^= is->look << 20 | is->look >> 44;
	hash *= 0x9e3779b97f4a7c15ull;
	return hash >> 32;
}

static uint32_t *content_bucket(const struct content_table *table, const struct area_content *is)
{
	return &table->bucket[content_hash(is) & (((size_t)FIRST_COUNT << table->segment_count) - 1)];
}

static uint32_t *content_next(const struct content_table *table, uint32_t number)
{
	return &table->chain[number - STEP_AREA];
}

static void note(const struct content_table *table, const void *place, size_t size)
{
	if (unlikely(journal_notes(table->arena->journal)))
		journal_note_block(table->arena->journal, place, size);
}

static void content_link(struct content_table *table, uint32_t number)
{
	uint32_t *bucket = content_bucket(table, &content_at(table, number)->is);

	journal_set(table->arena->journal, content_next(table, number), *bucket);
	journal_set(table->arena->journal, bucket, number);
}

static void content_unlink(struct content_table *table, uint32_t number)
{
	uint32_t *link = content_bucket(table, &content_at(table, number)->is);

	while (*link != number)
		link = content_next(table, *link);
	journal_set(table->arena->journal, link, *content_next(table, number));
}

/* All contents in buckets that nobody knows yet: nothing of it need be noted. */
static void content_rehash(struct content_table *table, uint32_t *bucket, uint32_t *chain)
{
	struct content_table fresh = *table;
	struct arena unnoted = {.journal = JOURNAL_UNNOTED};

	fresh.arena = &unnoted;
	fresh.segment_count++;
	fresh.bucket = bucket;
	fresh.chain = chain;
	for (size_t i = 0; i < (size_t)FIRST_COUNT << fresh.segment_count; i++)
		bucket[i] = 0;
	for (uint32_t number = STEP_AREA; number < content_end(table); number++)
		if (content_is_used(content_at(table, number)))
			content_link(&fresh, number);
}

/* One more segment, and buckets for twice as many; the old ones stay with the arena. */
static bool content_grow(struct content_table *table)
{
	size_t count = (size_t)FIRST_COUNT << table->segment_count, words = 2 * count * sizeof(uint32_t);
	uint32_t *bucket, *chain;

	_Static_assert(FIRST_COUNT * sizeof(struct content) % ARENA_ALIGN == 0, "cut from an arena");
	if (table->segment_count == CONTENT_SEGMENTS || !arena_reserve(table->arena, count * sizeof(struct content) + 2 * words))
		return false;
	note(table, table, sizeof(*table));
	bucket = arena_take(table->arena, words);
	chain = arena_take(table->arena, words);
	content_rehash(table, bucket, chain);
	__atomic_store_n(&table->segment[table->segment_count], arena_take(table->arena, count * sizeof(struct content)),
		__ATOMIC_RELAXED);
	table->segment_count++;
	table->bucket = bucket;
	table->chain = chain;
	table->capacity += (uint32_t)count;
	return true;
}

bool content_reserve_slow(struct content_table *table, uint32_t count)
{
	while (table->free_count + table->capacity < table->used + count)
		if (!content_grow(table))
			return false;
	return true;
}

static uint32_t content_take(struct content_table *table)
{
	uint32_t number = table->free;

	table->arena->spent = true;
	note(table, table, sizeof(*table));
	if (!number)
		return STEP_AREA + table->used++;
	table->free = content_at(table, number)->next;
	table->free_count--;
	return number;
}

/* All of it new. Readers without a lock may look at it. */
static void content_put(struct content *content, const struct area_content *is)
{
	content->is.object = is->object;
	content->is.offset = is->offset;
	__atomic_store_n(&content->is.look, is->look, __ATOMIC_RELAXED);
	content->byte = usage_of(is, 1);
	content->pages = 0;
	content->next = 0;
	content->dropped = CONTENT_NONE;
}

uint32_t content_find(const struct content_table *table, const struct area_content *is)
{
	uint32_t number = *content_bucket(table, is);

	while (number && !content_is(&content_at(table, number)->is, is))
		number = *content_next(table, number);
	return number;
}

static uint32_t content_add(struct content_table *table, const struct area_content *is, struct stock *stock)
{
	uint32_t number = content_take(table);

	note(table, content_at(table, number), sizeof(struct content));
	content_put(content_at(table, number), is);
	content_link(table, number);
	if (is->object) {
		shm_attach(is->object, stock);
		content_drop(table, number); /* until it has a page */
	}
	return number;
}

uint32_t content_number_slow(struct content_table *table, const struct area_content *is, struct stock *stock)
{
	struct content_last found = table->before;

	if (!found.number || !content_is(&found.content->is, is)) {
		found.number = content_find(table, is);
		if (!found.number)
			found.number = content_add(table, is, stock);
		found.content = content_at(table, found.number);
	}
	table->before = table->last;
	table->last = found;
	return found.number;
}

void content_forget(struct content_table *table)
{
	table->last.number = 0;
	table->before.number = 0;
}

void content_drop(struct content_table *table, uint32_t number)
{
	struct content *content = content_at(table, number);

	if (!content->is.object || content->dropped != CONTENT_NONE)
		return;
	journal_set(table->arena->journal, &content->dropped, table->dropped);
	journal_set(table->arena->journal, &table->dropped, number);
}

void content_flush_slow(struct content_table *table, struct stock *stock)
{
	while (table->dropped) {
		uint32_t number = table->dropped;
		struct content *content = content_at(table, number);
		struct shm_object *object = content->is.object;

		journal_step(table->arena->journal);
		note(table, table, sizeof(*table));
		note(table, content, sizeof(*content));
		table->dropped = content->dropped;
		content->dropped = CONTENT_NONE;
		if (content->pages)
			continue;
		content_unlink(table, number);
		content_forget(table);
		content_put(content, &(struct area_content){.flags = 0});
		content->next = table->free;
		table->free = number;
		table->free_count++;
		shm_detach(object, stock);
	}
}

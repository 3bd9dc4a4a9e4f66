/* SPDX-License-Identifier: MIT */
/* content.c - see content.h. */
#include "content.h"
#include "shm_manager.h"

enum { FIRST_COUNT = 1 << CONTENT_FIRST_SHIFT };

void content_init(struct content_table *table, struct arena *arena)
{
	*table = (struct content_table){.arena = arena};
}

/* Equal contents have equal words here, whatever they are padded with. */
static uint64_t content_hash(const struct area_content *is)
{
	uint64_t hash = (uintptr_t)is->object ^ is->offset;

	hash ^= (uint64_t)(uint32_t)is->flags << 20 ^ (uint64_t)is->prot << 52 ^ (uint64_t)is->kind << 56 ^
		(uint64_t)is->pending << 60;
	hash *= 0x9e3779b97f4a7c15ull;
	return hash >> 32;
}

static uint32_t *content_bucket(const struct content_table *table, const struct area_content *is)
{
	return &table->bucket[content_hash(is) & (((size_t)FIRST_COUNT << table->segment_count) - 1)];
}

static void note(const struct content_table *table, const void *place, size_t size)
{
	if (unlikely(journal_notes(table->arena->journal)))
		journal_note_block(table->arena->journal, place, size);
}

/* The content has been noted. */
static void content_link(struct content_table *table, uint32_t number)
{
	struct content *content = content_at(table, number);
	uint32_t *bucket = content_bucket(table, &content->is);

	content->next = *bucket;
	journal_set(table->arena->journal, bucket, number);
}

static void content_unlink(struct content_table *table, uint32_t number)
{
	struct content *content = content_at(table, number);
	uint32_t *link = content_bucket(table, &content->is);

	while (*link != number)
		link = &content_at(table, *link)->next;
	journal_set(table->arena->journal, link, content->next);
}

/* One more segment, and buckets for twice as many; the old ones stay with the arena. */
static bool content_grow(struct content_table *table)
{
	size_t count = (size_t)FIRST_COUNT << table->segment_count, buckets = 2 * count;
	size_t size = count * sizeof(struct content), bucket_size = buckets * sizeof(uint32_t);

	_Static_assert(FIRST_COUNT * sizeof(struct content) % ARENA_ALIGN == 0, "cut from an arena");
	if (table->segment_count == CONTENT_SEGMENTS || !arena_reserve(table->arena, size + bucket_size))
		return false;
	note(table, table, sizeof(*table));
	table->segment[table->segment_count++] = arena_take(table->arena, size);
	table->bucket = arena_take(table->arena, bucket_size);
	table->capacity += (uint32_t)count;
	for (uint32_t number = STEP_AREA; number < content_end(table); number++)
		if (content_is_used(content_at(table, number))) {
			journal_set(table->arena->journal, &content_at(table, number)->next, 0);
			content_link(table, number);
		}
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

	note(table, table, sizeof(*table));
	if (!number)
		return STEP_AREA + table->used++;
	table->free = content_at(table, number)->next;
	table->free_count--;
	return number;
}

uint32_t content_find(const struct content_table *table, const struct area_content *is)
{
	uint32_t number = *content_bucket(table, is);

	while (number && !content_is(&content_at(table, number)->is, is))
		number = content_at(table, number)->next;
	return number;
}

uint32_t content_number_slow(struct content_table *table, const struct area_content *is, struct stock *stock)
{
	uint32_t number = content_find(table, is);

	table->last = number;
	if (number)
		return number;
	number = content_take(table);
	note(table, content_at(table, number), sizeof(struct content));
	*content_at(table, number) = (struct content){.is = *is, .dropped = CONTENT_NONE};
	content_link(table, number);
	if (is->object) {
		shm_attach(is->object, stock);
		content_drop(table, number); /* until it has a page */
	}
	return number;
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

		note(table, table, sizeof(*table));
		note(table, content, sizeof(*content));
		table->dropped = content->dropped;
		content->dropped = CONTENT_NONE;
		if (content->pages)
			continue;
		content_unlink(table, number);
		table->last = 0;
		content->is = (struct area_content){.flags = 0};
		content->next = table->free;
		table->free = number;
		table->free_count++;
		shm_detach(object, stock);
	}
}

void content_fini(struct content_table *table, struct stock *stock)
{
	for (uint32_t number = STEP_AREA; number < content_end(table); number++) {
		struct content *content = content_at(table, number);

		if (content_is_used(content) && content->is.object)
			shm_detach(content->is.object, stock);
	}
}

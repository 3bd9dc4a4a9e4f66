/* SPDX-License-Identifier: MIT */
/* slab.c - see slab.h. */
#include "slab.h"

enum { BLOCK_PAGES = SLAB_BLOCK_SIZE / SLAB_PAGE_SIZE };

static size_t slab_per_page(const struct slab *slab)
{
	return (SLAB_PAGE_SIZE - SLAB_PAGE_HEAD) / slab->object_size;
}

/* The first page also carries the block's own head. */
static size_t slab_first_page_head(const struct slab *slab)
{
	return (sizeof(struct slab_block) - SLAB_PAGE_HEAD + slab->object_size - 1) / slab->object_size;
}

static size_t slab_per_block(const struct slab *slab)
{
	return slab_per_page(slab) * BLOCK_PAGES - slab_first_page_head(slab);
}

/* The n-th object of a block; the objects that the block's head covers are not counted. */
static struct slab_object *slab_object_at(const struct slab *slab, struct slab_block *block, size_t n)
{
	size_t index = n + slab_first_page_head(slab);
	char *page = (char *)block + index / slab_per_page(slab) * SLAB_PAGE_SIZE;

	return (struct slab_object *)(page + SLAB_PAGE_HEAD + index % slab_per_page(slab) * slab->object_size);
}

/* The head of the object's page. */
static struct slab_block **slab_block_at(const void *object)
{
	return (struct slab_block **)((uintptr_t)object & ~(uintptr_t)(SLAB_PAGE_SIZE - 1));
}

static struct slab_block *slab_block_of(const void *object)
{
	return *slab_block_at(object);
}

void slab_init(struct slab *slab, const struct tulou_host *host, size_t object_size, struct guard *guard)
{
	guard_init(&slab->own);
	slab->guard = guard ? guard : &slab->own;
	slab->host = host;
	slab->object_size = object_size;
	list_init(&slab->open);
	list_init(&slab->all);
	slab->doomed = NULL;
	slab->used = slab->block_count = slab->empty_count = 0;
}

static struct journal *slab_journal(const struct slab *slab)
{
	return slab->guard->journal;
}

/* Until it is in the list the block is nobody's: what stands in it need not be noted. */
static struct slab_block *slab_block_create_locked(struct slab *slab)
{
	struct slab_block *block = slab->host->books_map(slab->host->ctx, SLAB_BLOCK_SIZE);
	struct journal *journal = slab_journal(slab);

	if (!block)
		return NULL;
	block->free = NULL;
	block->used = block->carved = 0;
	list_insert(&slab->open, &block->open, journal);
	list_insert(&slab->all, &block->all, journal);
	journal_add(journal, &slab->block_count, 1);
	journal_add(journal, &slab->empty_count, 1);
	slab_step_locked(slab);
	return block;
}

void slab_reap_locked(struct slab *slab)
{
	slab->host->books_unmap(slab->host->ctx, slab->doomed, SLAB_BLOCK_SIZE);
	journal_order();
	slab->doomed = NULL;
}

void slab_fini(struct slab *slab)
{
	while (!list_is_empty(&slab->all)) {
		struct slab_block *block = container_of(slab->all.next, struct slab_block, all);

		list_remove(&block->all, NULL);
		slab->host->books_unmap(slab->host->ctx, block, SLAB_BLOCK_SIZE);
	}
	if (slab->doomed)
		slab_reap_locked(slab);
}

/* A page gets its head with its first object, so that pages which nobody needs yet are not touched. */
static struct slab_object *slab_carve_locked(const struct slab *slab, struct slab_block *block)
{
	struct slab_object *object = slab_object_at(slab, block, block->carved);

	journal_add(slab->guard->journal, &block->carved, 1);
	*slab_block_at(object) = block;
	return object;
}

static struct slab_object *slab_take_one_locked(struct slab *slab)
{
	struct journal *journal = slab_journal(slab);
	struct slab_block *block;
	struct slab_object *object;

	if (!list_is_empty(&slab->open))
		block = container_of(slab->open.next, struct slab_block, open);
	else
		block = slab_block_create_locked(slab);
	if (!block)
		return NULL;
	object = block->free;
	if (object)
		journal_set(journal, &block->free, object->next);
	else
		object = slab_carve_locked(slab, block);
	if (!block->used)
		journal_add(journal, &slab->empty_count, -1);
	journal_add(journal, &block->used, 1);
	if (block->used == slab_per_block(slab))
		list_remove(&block->open, journal);
	journal_add(journal, &slab->used, 1);
	return object;
}

static void slab_block_doom_locked(struct slab *slab, struct slab_block *block)
{
	struct journal *journal = slab_journal(slab);

	if (slab->doomed)
		slab->host->panic(slab->host->ctx, "slab: two blocks go back in one step");
	list_remove(&block->open, journal);
	list_remove(&block->all, journal);
	journal_add(journal, &slab->block_count, -1);
	journal_set(journal, &slab->doomed, block);
}

void slab_give_locked(struct slab *slab, struct slab_object *object)
{
	struct slab_block *block = slab_block_of(object);
	struct journal *journal = slab_journal(slab);

	journal_set(journal, &object->next, block->free);
	journal_set(journal, &block->free, object);
	journal_add(journal, &slab->used, -1);
	if (block->used == slab_per_block(slab))
		list_insert(&slab->open, &block->open, journal);
	journal_add(journal, &block->used, -1);
	if (block->used)
		return;
	if (slab->empty_count)
		slab_block_doom_locked(slab, block);
	else
		journal_add(journal, &slab->empty_count, 1);
}

/* Who dies here with the objects in its hands has lost them for the slab, unless it notes where it puts them. */
struct slab_object *slab_take_locked(struct slab *slab, size_t count)
{
	struct journal *journal = slab_journal(slab);
	struct slab_object *objects = NULL;

	while (count--) {
		struct slab_object *object = slab_take_one_locked(slab);

		if (!object) {
			while ((object = objects)) {
				objects = object->next;
				slab_give_locked(slab, object);
			}
			break;
		}
		journal_set(journal, &object->next, objects);
		objects = object;
	}
	return objects;
}

size_t slab_bytes_locked(const struct slab *slab)
{
	return slab->block_count * SLAB_BLOCK_SIZE;
}

const char *slab_check(const struct slab *slab)
{
	size_t used = 0, blocks = 0, empty = 0, open = 0;

	list_for_each(link, &slab->all)
	{
		const struct slab_block *block = container_of(link, struct slab_block, all);
		size_t free = slab_per_block(slab) - block->carved;

		for (const struct slab_object *object = block->free; object; object = object->next, free++)
			if (slab_block_of(object) != block)
				return "S1: an object in the free list of another block";
		if (block->used + free != slab_per_block(slab))
			return "S1: used and free objects do not add up to the block";
		if (list_is_empty(&block->open) != (free == 0))
			return "S2: in the list of open blocks without a free object, or missing there";
		used += block->used;
		empty += block->used == 0;
		blocks++;
	}
	list_for_each(link, &slab->open) open += container_of(link, struct slab_block, open)->used < slab_per_block(slab);
	if (used != slab->used || blocks != slab->block_count || open > blocks)
		return "S1: counts of objects or blocks are wrong";
	if (empty != slab->empty_count || empty > 1)
		return "S3: more than one empty block, or miscounted";
	return NULL;
}

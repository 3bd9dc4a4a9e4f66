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

void slab_init(struct slab *slab, const struct tulou_host *host, size_t object_size)
{
	lock_init(&slab->lock);
	slab->host = host;
	slab->object_size = object_size;
	list_init(&slab->open);
	list_init(&slab->all);
	slab->used = slab->block_count = slab->empty_count = 0;
}

static struct slab_block *slab_block_create_locked(struct slab *slab)
{
	struct slab_block *block = slab->host->books_map(slab->host->ctx, SLAB_BLOCK_SIZE);

	if (!block)
		return NULL;
	block->free = NULL;
	block->used = block->carved = 0;
	list_insert(&slab->open, &block->open);
	list_insert(&slab->all, &block->all);
	slab->block_count++;
	slab->empty_count++;
	return block;
}

static void slab_block_destroy_locked(struct slab *slab, struct slab_block *block)
{
	list_remove(&block->open);
	list_remove(&block->all);
	slab->block_count--;
	slab->host->books_unmap(slab->host->ctx, block, SLAB_BLOCK_SIZE);
}

void slab_fini(struct slab *slab)
{
	while (!list_is_empty(&slab->all))
		slab_block_destroy_locked(slab, container_of(slab->all.next, struct slab_block, all));
}

/* A page gets its head with its first object, so that pages which nobody needs yet are not touched. */
static struct slab_object *slab_carve_locked(const struct slab *slab, struct slab_block *block)
{
	struct slab_object *object = slab_object_at(slab, block, block->carved++);

	*slab_block_at(object) = block;
	return object;
}

static struct slab_object *slab_take_one_locked(struct slab *slab)
{
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
		block->free = object->next;
	else
		object = slab_carve_locked(slab, block);
	if (!block->used++)
		slab->empty_count--;
	if (block->used == slab_per_block(slab))
		list_remove(&block->open);
	slab->used++;
	return object;
}

static void slab_give_one_locked(struct slab *slab, struct slab_object *object)
{
	struct slab_block *block = slab_block_of(object);

	object->next = block->free;
	block->free = object;
	slab->used--;
	if (block->used-- == slab_per_block(slab))
		list_insert(&slab->open, &block->open);
	if (block->used)
		return;
	if (slab->empty_count)
		slab_block_destroy_locked(slab, block);
	else
		slab->empty_count++;
}

/* The slab's lock guards only lists that a dead holder leaves at worst with lost objects, never with shared ones, because each
 * object is unlinked before it is handed out: nothing to repair after a take-over. */
struct slab_object *slab_take(struct slab *slab, uint32_t self, size_t count)
{
	struct slab_object *objects = NULL;

	lock_take(&slab->lock, slab->host, self);
	while (count--) {
		struct slab_object *object = slab_take_one_locked(slab);

		if (!object) {
			while ((object = objects)) {
				objects = object->next;
				slab_give_one_locked(slab, object);
			}
			break;
		}
		object->next = objects;
		objects = object;
	}
	lock_drop(&slab->lock, slab->host);
	return objects;
}

void slab_give(struct slab *slab, uint32_t self, struct slab_object *objects)
{
	lock_take(&slab->lock, slab->host, self);
	while (objects) {
		struct slab_object *object = objects;

		objects = object->next;
		slab_give_one_locked(slab, object);
	}
	lock_drop(&slab->lock, slab->host);
}

size_t slab_bytes(struct slab *slab, uint32_t self)
{
	size_t bytes;

	lock_take(&slab->lock, slab->host, self);
	bytes = slab->block_count * SLAB_BLOCK_SIZE;
	lock_drop(&slab->lock, slab->host);
	return bytes;
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

/* SPDX-License-Identifier: MIT */
/* shm_manager.c - see shm_manager.h. */
#include "shm_manager.h"

static struct shm_object *to_object(struct tree_node *node)
{
	return container_of(node, struct shm_object, node);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Anonymous objects come first, by serial number. */
int shm_object_compare(const struct shm_object *a, const struct shm_object *b)
{
	int order = compare(!a->anonymous, !b->anonymous);

	if (!order)
		order = compare(a->dev, b->dev);
	if (!order)
		order = compare(a->ino, b->ino);
	if (!order)
		order = compare(a->shared, b->shared);
	if (!order)
		order = compare((uint64_t)a->max_prot, (uint64_t)b->max_prot);
	return order;
}

void shm_init(struct shm_manager *shm, const struct tulou_host *host)
{
	_Static_assert(sizeof(struct shm_object) <= RECORD_SIZE, "a shared object is a record");
	lock_init(&shm->lock);
	shm->host = host;
	tree_init(&shm->objects, NULL);
	shm->serial = 0;
	shm->object_count = 0;
}

/* The object with new's key, or `new` itself, now in the tree. */
static struct shm_object *shm_find_or_add_locked(struct shm_manager *shm, struct shm_object *new)
{
	struct tree_node *node = shm->objects.root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	while (node) {
		int order = shm_object_compare(new, to_object(node));

		if (!order)
			return to_object(node);
		parent = node;
		side = order > 0 ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	tree_insert(&shm->objects, parent, side, &new->node);
	shm->object_count++;
	return new;
}

struct shm_object *shm_open_file(const struct tulou_file *file, bool shared, struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	struct shm_object *new = record_take(stock), *object;

	*new = (struct shm_object){
		.dev = file->dev,
		.ino = file->ino,
		.handle = file->handle,
		.max_prot = shared ? file->max_prot : PERMS_ALL,
		.shared = shared,
	};
	lock_take(&shm->lock, shm->host, stock->self);
	object = shm_find_or_add_locked(shm, new);
	object->attachments++;
	lock_drop(&shm->lock, shm->host);
	if (object != new) {
		/* The object has its own reference. */
		shm->host->file_put(shm->host->ctx, file);
		record_give(stock, new);
	}
	return object;
}

struct shm_object *shm_open_anonymous(struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	struct shm_object *object = record_take(stock);

	*object = (struct shm_object){.max_prot = PERMS_ALL, .shared = true, .anonymous = true, .attachments = 1};
	lock_take(&shm->lock, shm->host, stock->self);
	object->ino = ++shm->serial;
	shm_find_or_add_locked(shm, object);
	lock_drop(&shm->lock, shm->host);
	return object;
}

void shm_attach(struct shm_object *object, struct stock *stock)
{
	struct shm_manager *shm = stock->shm;

	lock_take(&shm->lock, shm->host, stock->self);
	object->attachments++;
	lock_drop(&shm->lock, shm->host);
}

void shm_detach(struct shm_object *object, struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	bool last;

	lock_take(&shm->lock, shm->host, stock->self);
	last = --object->attachments == 0;
	if (last) {
		tree_remove(&shm->objects, &object->node);
		shm->object_count--;
	}
	lock_drop(&shm->lock, shm->host);
	if (!last)
		return;
	if (!object->anonymous) {
		struct tulou_file file = {
			.dev = object->dev, .ino = object->ino, .handle = object->handle, .max_prot = object->max_prot, .fd = -1};

		shm->host->file_put(shm->host->ctx, &file);
	}
	record_give(stock, object);
}

void shm_flush(struct stock *stock)
{
	while (stock->dropped) {
		/* The link overlays the first word of the tree node, which a removed area no longer needs. */
		struct area_record *area = (struct area_record *)stock->dropped;

		stock->dropped = stock->dropped->next;
		shm_detach(area->content.object, stock);
		record_give(stock, area);
	}
}

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

/* What one step notes at most: an object and a bond come, or go. */
enum {
	COME_NOTES = 2 * RECORD_TAKE_NOTES + RECORD_GIVE_NOTES + 2 * TREE_INSERT_NOTES(TREE_DEPTH) + 4 + 6,
	GO_NOTES = 4 + 4 + 2 * TREE_REMOVE_NOTES(TREE_DEPTH) + RECORD_GIVE_NOTES,
};
_Static_assert(JOURNAL_ENTRIES - COME_NOTES >= 0 && JOURNAL_ENTRIES - GO_NOTES >= 0, "one step");

void shm_init(struct shm_manager *shm, const struct tulou_host *host)
{
	_Static_assert(sizeof(struct shm_object) <= RECORD_SIZE, "a shared object is a record");
	_Static_assert(sizeof(struct shm_bond) <= RECORD_SIZE, "a bond is a record");
	guard_init(&shm->guard);
	shm->host = host;
	tree_init(&shm->objects, NULL, &shm->guard.journal);
	shm->serial = 0;
	shm->object_count = 0;
}

void shm_bonds_init(struct shm_bonds *bonds, struct journal *const *journal)
{
	tree_init(&bonds->tree, NULL, journal);
	list_init(&bonds->list);
	bonds->idle = 0;
}

/* ---- bonds --------------------------------------------------------------------------------------------------------------- */

static struct shm_bond *to_bond(struct tree_node *node)
{
	return container_of(node, struct shm_bond, node);
}

static struct shm_bond *link_bond(struct list *link)
{
	return container_of(link, struct shm_bond, link);
}

struct shm_bond *shm_bond_find(const struct shm_bonds *bonds, const struct shm_object *object)
{
	struct tree_node *node = bonds->tree.root;

	while (node && to_bond(node)->object != object)
		node = node->child[(uintptr_t)object > (uintptr_t)to_bond(node)->object ? TREE_RIGHT : TREE_LEFT];
	return node ? to_bond(node) : NULL;
}

static void bond_link(struct shm_bonds *bonds, struct shm_bond *bond)
{
	struct tree_node *node = bonds->tree.root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	while (node) {
		parent = node;
		side = (uintptr_t)bond->object > (uintptr_t)to_bond(node)->object ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	tree_insert(&bonds->tree, parent, side, &bond->node);
}

/* The shm manager's guard is held. */
static void bond_create_locked(struct shm_object *object, struct stock *stock)
{
	struct shm_bond *bond = record_take(stock);

	*bond = (struct shm_bond){.object = object};
	list_append(&stock->bonds->list, &bond->link, stock->journal);
	journal_add(stock->journal, &object->bonds, 1);
	bond_link(stock->bonds, bond);
	journal_add(stock->own, &stock->bonds->idle, 1);
}

void shm_attach(struct shm_object *object, struct stock *stock)
{
	struct shm_bond *bond = shm_bond_find(stock->bonds, object);

	if (!bond->areas)
		journal_add(stock->own, &stock->bonds->idle, -1);
	journal_add(stock->own, &bond->areas, 1);
}

void shm_detach(struct shm_object *object, struct stock *stock)
{
	struct shm_bond *bond = shm_bond_find(stock->bonds, object);

	journal_add(stock->own, &bond->areas, -1);
	if (!bond->areas)
		journal_add(stock->own, &stock->bonds->idle, 1);
}

/* ---- objects ------------------------------------------------------------------------------------------------------------- */

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
	journal_add(shm->guard.journal, &shm->object_count, 1);
	return new;
}

struct shm_object *shm_open_file(const struct tulou_file *file, bool shared, struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	struct shm_object *new, *object;

	guard_take(&shm->guard, shm->host, stock->self, stock->journal);
	new = record_take(stock);
	*new = (struct shm_object){
		.dev = file->dev,
		.ino = file->ino,
		.handle = file->handle,
		.max_prot = shared ? file->max_prot : PERMS_ALL,
		.shared = shared,
		.zeros = file->zeros && !shared,
	};
	object = shm_find_or_add_locked(shm, new);
	if (object != new)
		record_give(stock, new, stock->own);
	if (!shm_bond_find(stock->bonds, object))
		bond_create_locked(object, stock);
	shm_attach(object, stock);
	guard_drop(&shm->guard, shm->host);
	if (object != new) /* the object has its own reference */
		shm->host->file_put(shm->host->ctx, file);
	return object;
}

struct shm_object *shm_open_anonymous(struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	struct shm_object *object;

	guard_take(&shm->guard, shm->host, stock->self, stock->journal);
	object = record_take(stock);
	*object = (struct shm_object){.max_prot = PERMS_ALL, .shared = true, .anonymous = true};
	journal_add(shm->guard.journal, &shm->serial, 1);
	object->ino = shm->serial;
	shm_find_or_add_locked(shm, object);
	bond_create_locked(object, stock);
	shm_attach(object, stock);
	guard_drop(&shm->guard, shm->host);
	return object;
}

/* End the bond in the shared books. The last bond's end gives the host's reference back, once it is committed: who dies just then leaves
 * the host with one reference too many, which is better than one too few. */
static void bond_end(struct shm_bond *bond, bool whole, struct stock *stock)
{
	struct shm_manager *shm = stock->shm;
	struct shm_object *object = bond->object;
	bool last;

	guard_take(&shm->guard, shm->host, stock->self, stock->journal);
	list_remove(&bond->link, stock->journal);
	journal_add(stock->journal, &object->bonds, -1);
	last = !object->bonds;
	if (last) {
		tree_remove(&shm->objects, &object->node);
		journal_add(stock->journal, &shm->object_count, -1);
	}
	if (whole) {
		tree_remove(&stock->bonds->tree, &bond->node);
		journal_add(stock->own, &stock->bonds->idle, -1);
	}
	record_give(stock, bond, stock->journal);
	guard_drop(&shm->guard, shm->host);
	if (!last)
		return;
	if (!object->anonymous) {
		struct tulou_file file = {
			.dev = object->dev, .ino = object->ino, .handle = object->handle, .max_prot = object->max_prot, .fd = -1};

		shm->host->file_put(shm->host->ctx, &file);
	}
	record_give(stock, object, stock->own);
}

void shm_flush(struct stock *stock)
{
	struct list *link = stock->bonds->list.next;

	while (link != &stock->bonds->list) {
		struct shm_bond *bond = link_bond(link);

		link = link->next;
		if (!bond->areas)
			bond_end(bond, true, stock);
	}
}

void shm_forsake(struct stock *stock)
{
	while (!list_is_empty(&stock->bonds->list))
		bond_end(link_bond(stock->bonds->list.next), false, stock);
}

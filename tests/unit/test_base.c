/* SPDX-License-Identifier: MIT */
/* test_base.c - the parts that know no VM: ranges, tree, slab, format. Each against a model or a second opinion. */
#include "pool_fixture.h"

#include "base/format.h"
#include "base/range.h"
#include "base/slab.h"
#include "base/tree.h"

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
	return *state;
}

static void ranges(void **state)
{
	struct range r, a = {0x1000, 0x3000}, b = {0x3000, 0x4000};

	(void)state;
	assert_true(range_make(&r, 0x1000, 0x2000));
	assert_int_equal(r.end, 0x3000);
	assert_true(range_make(&r, UINTPTR_MAX, 0));
	assert_false(range_make(&r, UINTPTR_MAX, 1));
	assert_false(range_make(&r, 0x1000, SIZE_MAX));
	assert_false(range_overlaps(a, b));
	assert_true(range_overlaps(a, range_between(0x2fff, 0x5000)));
	assert_true(range_contains(a, 0x1000));
	assert_false(range_contains(a, 0x3000));
	assert_true(range_covers(a, range_between(0x1000, 0x3000)));
	assert_false(range_covers(a, range_between(0x1000, 0x3001)));
	assert_true(range_is_empty(range_cut(a, b)));
	assert_int_equal(range_size(range_cut(a, range_between(0x2000, 0x9000))), 0x1000);
}

struct item {
	struct tree_node node;
	unsigned key;
	unsigned weight;
	unsigned sum; /* of the weights in the subtree */
	bool in;
};

static unsigned sum_of(struct tree_node *node)
{
	return node ? container_of(node, struct item, node)->sum : 0;
}

static bool item_update(struct tree_node *node, struct journal *journal)
{
	struct item *item = container_of(node, struct item, node);
	unsigned sum = item->weight + sum_of(node->child[0]) + sum_of(node->child[1]);

	if (sum == item->sum)
		return false;
	journal_set(journal, &item->sum, sum);
	return true;
}

static void item_insert(struct tree *tree, struct item *item)
{
	struct tree_node *node = tree->root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	while (node) {
		parent = node;
		side = item->key > container_of(node, struct item, node)->key ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	item->sum = 0;
	item->in = true;
	tree_insert(tree, parent, side, &item->node);
}

/* Random inserts, removals and changed weights; after each the shape, the order both ways, and the sum at the root. */
static void tree(void **state)
{
	enum { ITEMS = 200, STEPS = 20000 };
	static struct item items[ITEMS];
	uint64_t random = 99;
	struct tree t;
	unsigned sum = 0;

	(void)state;
	tree_init(&t, item_update, &journal_none);
	for (int step = 0; step < STEPS; step++) {
		struct item *item = &items[next_random(&random) % ITEMS];
		unsigned weight = (unsigned)next_random(&random) % 50, keys = 0;

		if (item->in && weight > 25) {
			sum += weight - item->weight;
			item->weight = weight;
			tree_touch(&t, &item->node);
		} else if (item->in) {
			tree_remove(&t, &item->node);
			item->in = false;
			sum -= item->weight;
		} else {
			item->key = (unsigned)(item - items);
			item->weight = weight;
			item_insert(&t, item);
			sum += weight;
		}
		assert_null(tree_check(&t));
		assert_int_equal(sum_of(t.root), sum);
		if (step % 100)
			continue;
		for (struct tree_node *node = tree_first(&t); node; node = tree_next(node), keys++) {
			while (!items[keys].in)
				keys++;
			assert_ptr_equal(node, &items[keys].node);
		}
		for (struct tree_node *node = tree_last(&t); node; node = tree_prev(node))
			assert_true(!tree_prev(node) || container_of(tree_prev(node), struct item, node)->key <
								container_of(node, struct item, node)->key);
	}
}

static void tree_check_finds(void **state)
{
	static struct item items[7];
	struct tree t;

	(void)state;
	tree_init(&t, item_update, &journal_none);
	for (unsigned i = 0; i < 7; i++) {
		items[i].key = i;
		items[i].weight = 1;
		item_insert(&t, &items[i]);
	}
	assert_null(tree_check(&t));
	items[0].weight = 5; /* not told */
	assert_string_equal(tree_check(&t), "an augmented value is stale");
	items[0].weight = 1;
	tree_touch(&t, &items[0].node);
	assert_null(tree_check(&t));
	items[3].node.height++;
	assert_string_equal(tree_check(&t), "a height is wrong");
}

static struct slab_object *take(struct slab *slab, size_t count)
{
	struct slab_object *objects;

	slab_lock(slab, 1, NULL);
	objects = slab_take_locked(slab, count);
	slab_unlock(slab);
	return objects;
}

static void give(struct slab *slab, struct slab_object *objects)
{
	slab_lock(slab, 1, NULL);
	while (objects) {
		struct slab_object *object = objects;

		objects = object->next;
		slab_give_locked(slab, object);
		slab_step_locked(slab);
	}
	slab_unlock(slab);
}

/* Objects are apart, keep what is written into them; blocks go back except one; all or nothing when the host has no memory. */
static void slabs(void **state)
{
	enum { OBJECTS = 3000, SIZE = 80 };
	static struct slab_object *objects[OBJECTS];
	struct sim *sim = sim_create(POOL_START, POOL_START + 16 * PAGE);
	struct probe probe;
	struct slab slab;

	(void)state;
	probe_init(&probe, sim_host(sim));
	slab_init(&slab, &probe.host, SIZE, NULL);
	for (unsigned i = 0; i < OBJECTS; i++) {
		objects[i] = take(&slab, 1);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % 8, 0);
		memset(objects[i], (int)i, SIZE);
	}
	assert_null(slab_check(&slab));
	assert_int_equal(slab.used, OBJECTS);
	for (unsigned i = 0; i < OBJECTS; i++)
		for (unsigned byte = 0; byte < SIZE; byte++)
			assert_int_equal(((uint8_t *)objects[i])[byte], (uint8_t)i);
	assert_int_equal(slab_bytes_locked(&slab), sim_books(sim));
	for (unsigned i = 0; i < OBJECTS; i++) {
		objects[i]->next = NULL;
		give(&slab, objects[i]);
		if (i % 100 == 0)
			assert_null(slab_check(&slab));
	}
	assert_null(slab_check(&slab));
	assert_int_equal(slab.used, 0);
	assert_int_equal(sim_books(sim), SLAB_BLOCK_SIZE);

	probe_fail(&probe, PROBE_BOOKS_MAP, 2, TULOU_ENOMEM);
	assert_null(take(&slab, OBJECTS));
	assert_int_equal(slab.used, 0);
	assert_null(slab_check(&slab));
	objects[0] = take(&slab, OBJECTS);
	assert_non_null(objects[0]);
	assert_int_equal(slab.used, OBJECTS);
	give(&slab, objects[0]);
	assert_null(slab_check(&slab));
	slab_fini(&slab);
	assert_int_equal(sim_books(sim), 0);
	sim_destroy(sim);
}

/* The same text as the C library's, also when it is cut. */
static void formats(void **state)
{
	char have[80], want[80];

	(void)state;
#define SAME(...) \
	do { \
		for (size_t size = 0; size <= sizeof(have); size += 8) { \
			memset(have, '#', sizeof(have)); \
			memset(want, '#', sizeof(want)); \
			assert_int_equal(format(have, size, __VA_ARGS__), snprintf(want, size, __VA_ARGS__)); \
			assert_memory_equal(have, want, size); \
		} \
	} while (0)
	SAME("plain");
	SAME("%s|%8s|%-8s|%c", "ab", "right", "left", 'z');
	SAME("%d %d %u %ld", 0, -2147483647 - 1, 4294967295u, -9223372036854775807l - 1);
	SAME("%x %lx %08lx %zu %lu", 0xabcu, 0x7fffffffffffl, 0x1234l, (size_t)18446744073709551615ul, 5ul);
	SAME("%5d|%-5d|%05u|%%", 42, 42, 42u);
	SAME("%p", (void *)0x1234);
#undef SAME
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(tree),
		cmocka_unit_test(tree_check_finds),
		cmocka_unit_test(slabs),
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_journal.c - the undo log and the guards by themselves: who dies, who comes next, and what is restored. tests/crash kills at
 * every instruction. */
#include "pool_fixture.h"

#include "base/range.h"
#include "base/tree.h"

struct books {
	uint64_t wide;
	uint32_t word, other;
	uint8_t byte, neighbour;
	uint64_t block[4];
};

struct world {
	struct sim *sim;
	const struct tulou_host *host;
	struct journal *journal;
	struct guard outer, inner;
	struct books books;
};

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->sim = sim_create(POOL_START, POOL_START + 16 * PAGE);
	w->host = sim_host(w->sim);
	w->journal = calloc(1, JOURNAL_SIZE);
	assert_non_null(w->journal);
	journal_init(w->journal, w->host);
	w->books = (struct books){1, 2, 3, 4, 5, {6, 7, 8, 9}};
}

static void close_world(struct world *w)
{
	free(w->journal);
	sim_destroy(w->sim);
}

static void change(struct world *w, uint64_t by)
{
	struct books *b = &w->books;

	journal_add(w->journal, &b->wide, by);
	journal_add(w->journal, &b->word, (uint32_t)by);
	journal_add(w->journal, &b->byte, (uint8_t)by);
	journal_note_block(w->journal, b->block, sizeof(b->block));
	memset(b->block, 0xee, sizeof(b->block));
	journal_set(w->journal, &b->wide, 77);
}

static void expect_first(const struct books *b)
{
	assert_int_equal(b->wide, 1);
	assert_int_equal(b->word, 2);
	assert_int_equal(b->other, 3);
	assert_int_equal(b->byte, 4);
	assert_int_equal(b->neighbour, 5);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(b->block[i], 6 + i);
}

static void committed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	journal_begin(w.journal, 5);
	assert_int_equal(guard_take(&w.outer, w.host, 5, w.journal), GUARD_TAKEN);
	change(&w, 10);
	assert_int_equal(journal_count(w.journal), 4 + JOURNAL_BLOCK_NOTES(4));
	guard_drop(&w.outer, w.host);
	assert_int_equal(journal_count(w.journal), 0);
	sim_task_kill(w.sim, 5);
	journal_recover(w.journal, 6);
	assert_int_equal(w.books.wide, 77);
	assert_int_equal(w.books.word, 12);
	assert_int_equal(w.books.byte, 14);
	close_world(&w);
}

/* Two guards held at death: the first taker restores everything, the second finds nothing to do, and may die and be followed. */
static void rolled_back(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	journal_begin(w.journal, 5);
	guard_take(&w.outer, w.host, 5, w.journal);
	guard_take(&w.inner, w.host, 5, w.journal);
	change(&w, 10);
	journal_recover(w.journal, 6); /* its owner lives: nothing happens */
	assert_int_equal(w.books.wide, 77);
	sim_task_kill(w.sim, 5);
	assert_int_equal(guard_take(&w.inner, w.host, 6, NULL), GUARD_WHOLE);
	expect_first(&w.books);
	assert_int_equal(journal_count(w.journal), 0);
	sim_task_kill(w.sim, 6);
	assert_int_equal(guard_take(&w.inner, w.host, 7, NULL), GUARD_WHOLE);
	assert_int_equal(guard_take(&w.outer, w.host, 7, NULL), GUARD_WHOLE);
	expect_first(&w.books);
	guard_drop(&w.inner, w.host);
	guard_drop(&w.outer, w.host);
	close_world(&w);
}

/* A guard that still names the journal for a dead holder, when the journal has a new owner: what he does stays. */
static void stale_guard(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	journal_begin(w.journal, 5);
	guard_take(&w.outer, w.host, 5, w.journal);
	guard_take(&w.inner, w.host, 5, w.journal);
	change(&w, 10);
	sim_task_kill(w.sim, 5);
	assert_int_equal(guard_take(&w.outer, w.host, 6, w.journal), GUARD_WHOLE);
	journal_claim(w.journal, 6);
	expect_first(&w.books);
	journal_set(w.journal, &w.books.wide, 42);
	assert_int_equal(guard_take(&w.inner, w.host, 7, NULL), GUARD_WHOLE);
	assert_int_equal(w.books.wide, 42);
	assert_int_equal(journal_count(w.journal), 1);
	guard_drop(&w.inner, w.host);
	assert_int_equal(journal_count(w.journal), 1);
	guard_drop(&w.outer, w.host);
	assert_int_equal(w.books.wide, 42);
	close_world(&w);
}

/* Who noted nothing leaves a torn box, also to the one who comes after a taker that died before it said so. */
static void unnoted(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(guard_take(&w.inner, w.host, 5, JOURNAL_UNNOTED), GUARD_TAKEN);
	journal_set(w.inner.journal, &w.books.wide, 9);
	sim_task_kill(w.sim, 5);
	assert_int_equal(guard_lock(&w.inner, w.host, 6), GUARD_TORN);
	sim_task_kill(w.sim, 6);
	assert_int_equal(guard_lock(&w.inner, w.host, 7), GUARD_TORN);
	guard_name(&w.inner, NULL);
	guard_drop(&w.inner, w.host);
	assert_int_equal(guard_take(&w.inner, w.host, 8, NULL), GUARD_TAKEN);
	guard_drop(&w.inner, w.host);
	close_world(&w);
}

static jmp_buf stop;

static void panicked(void *arg, const char *what)
{
	(void)arg;
	assert_string_equal(what, "journal: more changes in one step than it holds");
	longjmp(stop, 1);
}

static void overflow(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	sim_on_panic(w.sim, panicked, NULL);
	journal_begin(w.journal, 5);
	for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
		journal_add(w.journal, &w.books.wide, 1);
	if (setjmp(stop) == 0) {
		journal_add(w.journal, &w.books.wide, 1);
		fail_msg("the journal took more than it holds");
	}
	sim_task_kill(w.sim, 5);
	journal_recover(w.journal, 6);
	expect_first(&w.books);
	close_world(&w);
}

/* ---- how much a step notes ------------------------------------------------------------------------------------------------- */

enum { NODES = 3000 };

struct numbered {
	struct tree_node node;
	uint64_t number, most; /* most: in the subtree */
};

static uint64_t most_of(const struct tree_node *node)
{
	return node ? container_of(node, struct numbered, node)->most : 0;
}

static bool most_update(struct tree_node *node, struct journal *journal)
{
	struct numbered *n = container_of(node, struct numbered, node);
	uint64_t most = n->number;

	for (int side = 0; side < 2; side++)
		most = most_of(node->child[side]) > most ? most_of(node->child[side]) : most;
	if (most == n->most)
		return false;
	journal_set(journal, &n->most, most);
	return true;
}

static void numbered_insert(struct tree *tree, struct numbered *n)
{
	struct tree_node *at = tree->root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	while (at) {
		parent = at;
		side = n->number > container_of(at, struct numbered, node)->number ? TREE_RIGHT : TREE_LEFT;
		at = at->child[side];
	}
	n->most = 0;
	tree_insert(tree, parent, side, &n->node);
}

static void noted_within(struct world *w, size_t bound, unsigned *most)
{
	unsigned noted = journal_count(w->journal);

	assert_in_range(noted, 1, bound);
	*most = noted > *most ? noted : *most;
	journal_commit(w->journal);
}

/* A tree that comes and goes in a random order, with a value about subtrees: no insertion and no removal notes more than is said. */
static void trees_note_little(void **state)
{
	struct numbered *nodes = calloc(NODES, sizeof(*nodes));
	uint64_t random = 88172645463325252ull;
	unsigned inserted = 0, removed = 0;
	struct tree tree;
	struct world w;

	(void)state;
	assert_non_null(nodes);
	open_world(&w);
	tree_init(&tree, most_update, &w.journal);
	journal_begin(w.journal, 1);
	for (unsigned i = 0; i < 40 * NODES; i++) {
		struct numbered *n;
		size_t depth = tree.root ? tree.root->height + 1 : 1;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		n = &nodes[(random >> 20) % NODES];
		if (n->number) {
			tree_remove(&tree, &n->node);
			n->number = 0;
			noted_within(&w, TREE_REMOVE_NOTES(depth), &removed);
		} else {
			n->number = random | 1;
			numbered_insert(&tree, n);
			noted_within(&w, TREE_INSERT_NOTES(depth), &inserted);
		}
	}
	assert_null(tree_check(&tree));
	assert_true(inserted > 20 && removed > 40);
	free(nodes);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(committed),
		cmocka_unit_test(rolled_back),
		cmocka_unit_test(stale_guard),
		cmocka_unit_test(unnoted),
		cmocka_unit_test(overflow),
		cmocka_unit_test(trees_note_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

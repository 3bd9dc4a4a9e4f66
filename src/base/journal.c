/* SPDX-License-Identifier: MIT */
/* journal.c - see journal.h: what happens after a death. */
#include "journal.h"

struct journal *const journal_none = NULL;

void journal_init(struct journal *journal, const struct tulou_host *host)
{
	_Static_assert(offsetof(struct journal, entries) == 40, "JOURNAL_ENTRIES");
	lock_init(&journal->lock);
	journal->host = host;
	journal->head = 0;
	journal->rollbacks = 0;
	journal->next = NULL;
	journal->version = NULL;
}

void journal_overflow(const struct journal *journal)
{
	journal->host->panic(journal->host->ctx, "journal: more changes in one step than it holds");
}

/* The words go before the entry that says where they belong, and all of them before the count. */
void journal_note_block(struct journal *journal, const void *place, size_t size)
{
	uint64_t head = journal->head;
	size_t words = size / sizeof(uint64_t), entries = JOURNAL_BLOCK_NOTES(words);
	struct journal_entry *last = &journal->entries[(uint32_t)head + entries - 1];
	uint64_t *old = (uint64_t *)&journal->entries[(uint32_t)head];

	if (unlikely((uint32_t)head + entries > JOURNAL_ENTRIES))
		journal_overflow(journal);
	for (size_t i = 0; i < words; i++)
		old[i] = ((const uint64_t *)place)[i];
	last->where = (uintptr_t)place | (uint64_t)JOURNAL_BLOCK << JOURNAL_SIZE_SHIFT;
	last->old = words;
	journal_order();
	__atomic_store_n(&journal->head, head + entries, __ATOMIC_RELAXED);
	journal_order();
}

static void block_restore(const struct journal_entry *last, uint64_t *place)
{
	const uint64_t *old = (const uint64_t *)(last + 1 - JOURNAL_BLOCK_NOTES(last->old));

	for (size_t i = 0; i < last->old; i++)
		__atomic_store_n(&place[i], old[i], __ATOMIC_RELAXED);
}

/* Returns how many entries it was. */
static uint32_t entry_restore(const struct journal_entry *entry)
{
	void *place = (void *)(uintptr_t)(entry->where << 8 >> 8);

	switch (entry->where >> JOURNAL_SIZE_SHIFT) {
	case 1:
		__atomic_store_n((uint8_t *)place, (uint8_t)entry->old, __ATOMIC_RELAXED);
		return 1;
	case 4:
		__atomic_store_n((uint32_t *)place, (uint32_t)entry->old, __ATOMIC_RELAXED);
		return 1;
	case JOURNAL_BLOCK:
		block_restore(entry, place);
		return JOURNAL_BLOCK_NOTES((uint32_t)entry->old);
	default:
		__atomic_store_n((uint64_t *)place, entry->old, __ATOMIC_RELAXED);
		return 1;
	}
}

/* What the owner last noted, if it is dead; else 0. An owner that was alive when head was read may have gone on before it died: what
 * stands there once it is known to be dead is final. */
static uint64_t dead_head(const struct journal *journal)
{
	uint64_t head = __atomic_load_n(&journal->head, __ATOMIC_ACQUIRE), seen;

	do {
		seen = head;
		if (!(uint32_t)seen || journal->host->alive(journal->host->ctx, (uint32_t)(seen >> 32)))
			return 0;
		head = __atomic_load_n(&journal->head, __ATOMIC_ACQUIRE);
	} while (head != seen);
	return head;
}

/* The journal's lock is held. */
static void rollback_locked(struct journal *journal)
{
	uint64_t head = dead_head(journal);

	if (!(uint32_t)head)
		return;
	journal->rollbacks++;
	if (journal->version)
		__atomic_store_n(journal->version, *journal->version | 1, __ATOMIC_RELAXED);
	journal_order();
	while ((uint32_t)head) {
		head -= entry_restore(&journal->entries[(uint32_t)head - 1]);
		journal_order();
		__atomic_store_n(&journal->head, head, __ATOMIC_RELAXED);
		journal_order();
	}
}

/* A taker of the journal's lock goes on where the dead one was: no state but the head. */
void journal_recover(struct journal *journal, uint32_t self)
{
	lock_take(&journal->lock, journal->host, self);
	rollback_locked(journal);
	lock_drop(&journal->lock, journal->host);
}

void journal_claim(struct journal *journal, uint32_t self)
{
	lock_take(&journal->lock, journal->host, self);
	rollback_locked(journal);
	journal_begin(journal, self);
	lock_drop(&journal->lock, journal->host);
}

void guard_recover(struct guard *guard, uint32_t self)
{
	if (guard->journal)
		journal_recover(guard->journal, self);
}

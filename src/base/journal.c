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

void journal_note_block(struct journal *journal, const void *place, size_t size)
{
	for (size_t at = 0; at < size; at += sizeof(uint64_t))
		journal_note(journal, (const char *)place + at, sizeof(uint64_t));
}

static void entry_restore(const struct journal_entry *entry)
{
	void *place = (void *)(uintptr_t)(entry->where << 8 >> 8);

	switch (entry->where >> JOURNAL_SIZE_SHIFT) {
	case 1:
		__atomic_store_n((uint8_t *)place, (uint8_t)entry->old, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)place, (uint32_t)entry->old, __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n((uint64_t *)place, entry->old, __ATOMIC_RELAXED);
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
		entry_restore(&journal->entries[(uint32_t)head - 1]);
		journal_order();
		__atomic_store_n(&journal->head, --head, __ATOMIC_RELAXED);
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

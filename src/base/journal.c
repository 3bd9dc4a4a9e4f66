/* SPDX-License-Identifier: MIT */
/* journal.c - see journal.h: what happens after a death. */
#include "journal.h"

struct journal *const journal_none = NULL;

void journal_init(struct journal *journal, const struct tulou_host *host)
{
	_Static_assert(offsetof(struct journal, entries) == 32, "JOURNAL_ENTRIES");
	lock_init(&journal->lock);
	journal->host = host;
	journal->head = 0;
	journal->next = NULL;
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

/* The journal's lock is held. Head is read once: an owner that has come meanwhile has a count of its own. */
static void rollback_locked(struct journal *journal)
{
	uint64_t head = __atomic_load_n(&journal->head, __ATOMIC_ACQUIRE);

	if (!(uint32_t)head || journal->host->alive(journal->host->ctx, (uint32_t)(head >> 32)))
		return;
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

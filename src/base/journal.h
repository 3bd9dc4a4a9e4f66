/* SPDX-License-Identifier: MIT */
/*
 * journal.h - an undo log: what a dead task left half done in shared books is taken back.
 *
 *     journal_set(journal, &place, value)      entries  | where, old | where, old | …      then the store itself
 *     head  | owner | count |                  commit: count = 0        rollback: restore from the last entry to the first
 *
 * A journal has one owner at a time: the holder of the lock that the journal belongs to (a process VM's, or the pool's list lock). Every
 * store into what others share is noted before it is made. A guard is a lock that says in which journal its holder notes what it
 * changes; dropping any guard commits all of it. So the rule for its users: who drops a guard leaves nothing half done
 * anywhere in the journal, whatever other guards it still holds.
 *
 * A task may die at any instruction. On x86-64 its stores are seen in program order, so an entry is there before the count says so,
 * and the count before the store. Whoever takes over a guard from a dead holder first has the journal rolled back that the
 * guard names. Rolling back restores one entry, then lowers the count: whoever dies in the middle is followed by another who goes
 * on. The journal's own lock keeps two takers apart who come from two guards of the same dead. A journal with a living owner is
 * never touched: its owner can only have come after the rollback (journal_claim), and a guard that still names the journal for a
 * former owner has nothing in it any more. Owner and count are one word, so that nobody sees the one without the other.
 *
 * A block of words is one note of several entries, of which the last one says where they belong: the count goes over all of them in one
 * store, both ways, so that it is there as a whole, or not at all.
 *
 * JOURNAL_UNNOTED in a guard says: the holder makes changes that it does not note, because only processes that die with it
 * would read them. A taker is told that the box is torn.
 *
 * The protocol is modelled in journal.pml.
 */
#ifndef TULOU_BASE_JOURNAL_H
#define TULOU_BASE_JOURNAL_H

#include "lock.h"

struct journal_entry {
	uint64_t where; /* address, and the size in the upper byte */
	uint64_t old;
};

struct journal {
	const struct tulou_host *host;
	struct lock lock; /* of those who roll back; a leaf */
	uint32_t rollbacks; /* how often something was taken back; guarded by lock */
	uint64_t head; /* owner << 32 | count; atomic */
	struct journal *next; /* for whoever keeps journals in a list */
	uint64_t *version; /* of what is read without a lock: made odd before anything is taken back. NULL: there is none */
	struct journal_entry entries[];
};

/* What is noted between two commits is bounded, and fits: STEP_NOTES, TREE_REMOVE_NOTES … and the assertions of those who put them together.
 * Bytes with the head. */
enum { JOURNAL_SIZE = 32768, JOURNAL_ENTRIES = (JOURNAL_SIZE - 40) / 16, JOURNAL_SIZE_SHIFT = 56 };

/* In place of a size: a block. Its words lie in the entries before this one, which says how many there are. */
enum { JOURNAL_BLOCK = 255 };
#define JOURNAL_BLOCK_NOTES(words) (((words) + 1) / 2 + 1)

#define JOURNAL_UNNOTED ((struct journal *)1)

/* For what nobody shares. */
extern struct journal *const journal_none;

struct guard {
	struct lock lock;
	struct journal *journal; /* guarded by lock: NULL: its holder changes nothing */
};

enum guard_result { GUARD_TAKEN, GUARD_WHOLE, GUARD_TORN };

/* `journal` has JOURNAL_SIZE bytes, zeroed. */
void journal_init(struct journal *journal, const struct tulou_host *host);
/* Make the caller, who has taken the journal's lock over from a dead holder, its owner; what the dead did is rolled back. */
void journal_claim(struct journal *journal, uint32_t self);
/* Roll back what a dead owner did; nothing if the owner lives. */
void journal_recover(struct journal *journal, uint32_t self);
/* Note `size` bytes at `place`, a multiple of 8: JOURNAL_BLOCK_NOTES(size / 8) entries. */
void journal_note_block(struct journal *journal, const void *place, size_t size);
void guard_recover(struct guard *guard, uint32_t self);
__attribute__((noreturn)) void journal_overflow(const struct journal *journal);

/* Keeps the compiler from moving stores across; the processor does not move them. */
static inline void journal_order(void)
{
	__asm__ volatile("" ::: "memory");
}

static inline uint32_t journal_count(const struct journal *journal)
{
	return (uint32_t)__atomic_load_n(&journal->head, __ATOMIC_RELAXED);
}

/* The caller has just taken the journal's lock, which was free: nothing is noted. */
static inline void journal_begin(struct journal *journal, uint32_t self)
{
	__atomic_store_n(&journal->head, (uint64_t)self << 32, __ATOMIC_RELAXED);
	journal_order();
}

static inline void journal_commit(struct journal *journal)
{
	journal_order();
	__atomic_store_n(&journal->head, journal->head >> 32 << 32, __ATOMIC_RELAXED);
	journal_order();
}

static inline void journal_note(struct journal *journal, const void *place, size_t size)
{
	uint64_t head = journal->head;
	struct journal_entry *entry = &journal->entries[(uint32_t)head];

	if (unlikely((uint32_t)head >= JOURNAL_ENTRIES))
		journal_overflow(journal);
	entry->where = (uintptr_t)place | (uint64_t)size << JOURNAL_SIZE_SHIFT;
	switch (size) {
	case 1:
		entry->old = *(const uint8_t *)place;
		break;
	case 4:
		entry->old = *(const uint32_t *)place;
		break;
	default:
		entry->old = *(const uint64_t *)place;
	}
	journal_order();
	__atomic_store_n(&journal->head, head + 1, __ATOMIC_RELAXED);
	journal_order();
}

/* NULL and JOURNAL_UNNOTED note nothing. */
static inline bool journal_notes(const struct journal *journal)
{
	return (uintptr_t)journal > (uintptr_t)JOURNAL_UNNOTED;
}

/* Where nothing is half done: what was noted need not be taken back. */
static inline void journal_step(struct journal *journal)
{
	if (unlikely(journal_notes(journal)))
		journal_commit(journal);
}

/* *place = value, noted if `journal` notes anything. */
#define journal_set(journal, place, value) \
	do { \
		_Static_assert(sizeof(*(place)) == 1 || sizeof(*(place)) == 4 || sizeof(*(place)) == 8, "a word"); \
		if (unlikely(journal_notes(journal))) \
			journal_note(journal, place, sizeof(*(place))); \
		*(place) = (value); \
	} while (0)

/* `value` is evaluated after the note: it may say what stands there. */
#define journal_add(journal, place, more) journal_set(journal, place, *(place) + (more))

/* ---- guards ------------------------------------------------------------------------------------------------------------- */

static inline void guard_init(struct guard *guard)
{
	lock_init(&guard->lock);
	guard->journal = NULL;
}

/* From now on the holder notes its changes in `journal`. */
static inline void guard_name(struct guard *guard, struct journal *journal)
{
	guard->journal = journal;
	journal_order();
}

/* The guard's lock has just been taken, as `how` says. */
static inline enum guard_result guard_taken(struct guard *guard, enum lock_result how, uint32_t self)
{
	if (likely(how == LOCK_TAKEN))
		return GUARD_TAKEN;
	if (guard->journal == JOURNAL_UNNOTED)
		return GUARD_TORN;
	guard_recover(guard, self);
	return GUARD_WHOLE;
}

/* GUARD_WHOLE: taken over, and what the dead holder did is rolled back. GUARD_TORN: taken over from a holder that did not note its
 * changes: the caller marks the box, so that nobody reads on. Then it calls guard_name(), in any case: until then the next taker
 * sees what this one saw. */
static inline enum guard_result guard_lock(struct guard *guard, const struct tulou_host *host, uint32_t self)
{
	return guard_taken(guard, lock_take(&guard->lock, host, self), self);
}

/* The same for a guard whose holders always note. */
static inline enum guard_result guard_take(
	struct guard *guard, const struct tulou_host *host, uint32_t self, struct journal *journal)
{
	enum guard_result result = guard_lock(guard, host, self);

	guard_name(guard, journal);
	return result;
}

static inline void guard_drop(struct guard *guard, const struct tulou_host *host)
{
	journal_step(guard->journal);
	guard->journal = NULL;
	lock_drop(&guard->lock, host);
}

#endif

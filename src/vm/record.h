/* SPDX-License-Identifier: MIT */
/*
 * record.h - the stock of records from which a call feeds its changes.
 *
 *     slab of records ──stock_reserve──→ stock of a process VM ──record_take──→ area, free range, owner, shared object
 *          (locked)   ←──stock_trim────    (its process lock)  ←──record_give──
 *
 * All four are records of one size, so that what an area gives up is what a free range needs: a change that was paid for in
 * advance (RECORDS_PER_CALL) cannot run out half-way, and taking it back cannot either. Worst case of one step: an area, an
 * owner, a chunk's first free range, two split free ranges, two split areas, a shared object and a bond with it.
 */
#ifndef TULOU_VM_RECORD_H
#define TULOU_VM_RECORD_H

#include "base/slab.h"

enum {
	RECORD_SIZE = 88,
	RECORDS_PER_CALL =
		16, /* of which a call uses 12 at most: 4 are left, so that giving a process VM back never needs memory */
	RECORDS_KEPT = 64, /* what a process VM may keep between calls */
};

/* What taking one record, or giving one back, notes at most, in words. */
enum { RECORD_TAKE_NOTES = 3, RECORD_GIVE_NOTES = RECORD_SIZE / 8 + 2 };

struct shm_bonds;
struct shm_manager;
struct tulou_process_vm;

/* What a call changes the books with: who calls, the records it may use, and where it notes what it does. Guarded by the process's lock. */
struct stock {
	const struct tulou_host *host;
	struct slab *slab;
	struct shm_manager *shm;
	struct tulou_process_vm *process; /* whose it is; NULL: nobody's who has areas */
	struct journal *journal; /* for what is shared */
	struct journal *own; /* for what is the process's; JOURNAL_UNNOTED while all who could read it die together */
	uint32_t self; /* the caller of the call that runs */
	struct slab_object *records;
	size_t count;
	bool spent; /* a record was taken since its user last saw to it that there are enough */
	struct shm_bonds *bonds; /* the process's */
};

/* Have at least `count` records; false (nothing taken) if the host gives no memory. */
bool stock_reserve_slow(struct stock *stock, size_t count);
/* Give back all but `keep` records. */
void stock_trim(struct stock *stock, size_t keep);

/* Not too many: called wherever records come back in numbers, so that they go to the slab while they are in the cache. */
static inline void stock_limit(struct stock *stock)
{
	if (unlikely(stock->count > RECORDS_KEPT))
		stock_trim(stock, RECORDS_KEPT / 2);
}

static inline bool stock_reserve(struct stock *stock, size_t count)
{
	return likely(stock->count >= count) || stock_reserve_slow(stock, count);
}

/* Cannot fail: it was reserved. Not zeroed. */
static inline void *record_take(struct stock *stock)
{
	struct slab_object *record = stock->records;

	if (unlikely(journal_notes(stock->own)))
		journal_note(stock->own, record, sizeof(*record)); /* taken back, it is in the stock again */
	stock->spent = true;
	journal_set(stock->own, &stock->records, record->next);
	journal_add(stock->own, &stock->count, -1);
	return record;
}

/* `journal` is that of the books which the record leaves: taken back, all of it is as it was, whatever it has been used for since. */
static inline void record_give(struct stock *stock, void *record, struct journal *journal)
{
	struct slab_object *object = record;

	if (unlikely(journal_notes(journal)))
		journal_note_block(journal, record, RECORD_SIZE);
	object->next = stock->records;
	journal_set(stock->own, &stock->records, object);
	journal_add(stock->own, &stock->count, 1);
}

#endif

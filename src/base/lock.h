/* SPDX-License-Identifier: MIT */
/*
 * lock.h - a lock that survives the death of its holder.
 *
 *     word:  | contended | 0 | owner: 30 bits, what host->self() said | ; 0 = nobody holds it
 *
 * The word holds slot and generation of the owner, not a tid. Who waits looks again at least every 10 ms (host->wait): if the
 * owner can never run again (host->alive), the waiter takes the lock over by compare-and-swap and is told: the owner may have
 * died half-way, and what the lock guards must be looked at first. No fairness, on purpose: a waiter looks seldom, then sleeps, so
 * that tasks who hammer a lock take it in turns of many calls. Locks are held for a few hundred instructions (the process lock:
 * over host calls). Not recursive.
 */
#ifndef TULOU_BASE_LOCK_H
#define TULOU_BASE_LOCK_H

#include <tulou/host.h>

#include "compiler.h"

#define LOCK_CONTENDED 0x80000000u
#define LOCK_OWNER     0x3fffffffu

struct lock {
	uint32_t word;
};

enum lock_result { LOCK_TAKEN, LOCK_TAKEN_OVER, LOCK_HELD };

enum lock_result lock_take_slow(struct lock *lock, const struct tulou_host *host, uint32_t self);
/* Without waiting: take it if it is free, or its holder dead. LOCK_HELD: somebody alive holds it, and `seen` is the word. `mark`:
 * 0, or, after lock_await(), LOCK_CONTENDED. */
enum lock_result lock_take_now(struct lock *lock, const struct tulou_host *host, uint32_t self, uint32_t mark, uint32_t *seen);
/* Wait, at most for as long as host->wait does, until the word is not `seen` any more. */
void lock_await(struct lock *lock, const struct tulou_host *host, uint32_t seen);

static inline void lock_init(struct lock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELAXED);
}

/* Take it if nobody holds it, not even a dead holder. */
static inline bool lock_try(struct lock *lock, uint32_t self)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&lock->word, &free, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline enum lock_result lock_take(struct lock *lock, const struct tulou_host *host, uint32_t self)
{
	if (likely(lock_try(lock, self)))
		return LOCK_TAKEN;
	return lock_take_slow(lock, host, self);
}

static inline void lock_drop(struct lock *lock, const struct tulou_host *host)
{
	if (unlikely(__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) & LOCK_CONTENDED))
		host->wake(host->ctx, &lock->word, 1);
}

/* Who holds it; 0: nobody. A task can trust the answer as far as it is about itself. */
static inline uint32_t lock_holder(const struct lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) & LOCK_OWNER;
}

static inline bool lock_is_contended(const struct lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) & LOCK_CONTENDED;
}

/* For assertions: somebody holds it, as far as the caller knows himself. */
static inline bool lock_is_taken(const struct lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

#endif

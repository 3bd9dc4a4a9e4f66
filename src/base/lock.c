/* SPDX-License-Identifier: MIT */
/* lock.c - the contended half of lock.h. */
#include "lock.h"

enum { LOCK_SPINS = 64 };

static bool lock_swap(struct lock *lock, uint32_t *seen, uint32_t word)
{
	return __atomic_compare_exchange_n(&lock->word, seen, word, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Once it has slept, a waiter takes the lock with the contended bit on: others may sleep too, and nobody counted them. */
enum lock_result lock_take_slow(struct lock *lock, const struct tulou_host *host, uint32_t self)
{
	uint32_t mark = 0;

	for (int spin = 0; spin < LOCK_SPINS; spin++) {
		uint32_t free = 0;

		if (!lock_is_taken(lock) && lock_swap(lock, &free, self))
			return LOCK_TAKEN;
		__builtin_ia32_pause();
	}
	for (;;) {
		uint32_t seen = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

		if (!seen) {
			if (lock_swap(lock, &seen, self | mark))
				return LOCK_TAKEN;
			continue;
		}
		if (!host->alive(host->ctx, seen & LOCK_OWNER)) {
			if (lock_swap(lock, &seen, self | LOCK_CONTENDED))
				return LOCK_TAKEN_OVER;
			continue;
		}
		if (!(seen & LOCK_CONTENDED) && !lock_swap(lock, &seen, seen | LOCK_CONTENDED))
			continue;
		mark = LOCK_CONTENDED;
		host->wait(host->ctx, &lock->word, seen | LOCK_CONTENDED);
	}
}

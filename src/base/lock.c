/* SPDX-License-Identifier: MIT */
/* lock.c - the contended half of lock.h. */
#include "lock.h"

enum { LOCK_SPINS = 64 };

static bool lock_swap(struct lock *lock, uint32_t *seen, uint32_t word)
{
	return __atomic_compare_exchange_n(&lock->word, seen, word, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

enum lock_result lock_take_now(struct lock *lock, const struct tulou_host *host, uint32_t self, uint32_t mark, uint32_t *seen)
{
	*seen = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
	for (;;) {
		bool free = !*seen;

		if (!free && host->alive(host->ctx, *seen & LOCK_OWNER))
			return LOCK_HELD;
		if (lock_swap(lock, seen, self | (free ? mark : LOCK_CONTENDED)))
			return free ? LOCK_TAKEN : LOCK_TAKEN_OVER;
	}
}

void lock_await(struct lock *lock, const struct tulou_host *host, uint32_t seen)
{
	if ((seen & LOCK_CONTENDED) || lock_swap(lock, &seen, seen | LOCK_CONTENDED))
		host->wait(host->ctx, &lock->word, seen | LOCK_CONTENDED);
}

/* Once it has slept, a waiter takes the lock with the contended bit on: others may sleep too, and nobody counted them. */
enum lock_result lock_take_slow(struct lock *lock, const struct tulou_host *host, uint32_t self)
{
	enum lock_result result;
	uint32_t mark = 0, seen;

	for (int spin = 0; spin < LOCK_SPINS; spin++) {
		if (!lock_is_taken(lock) && lock_try(lock, self))
			return LOCK_TAKEN;
		__builtin_ia32_pause();
	}
	while ((result = lock_take_now(lock, host, self, mark, &seen)) == LOCK_HELD) {
		mark = LOCK_CONTENDED;
		lock_await(lock, host, seen);
	}
	return result;
}

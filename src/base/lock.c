/* SPDX-License-Identifier: MIT */
/* lock.c - the contended half of lock.h. */
#include "lock.h"

/* Pauses between two looks at the word: from the first number they double up to the most. After so many in all a waiter sleeps. A
 * pause takes 10 to 50 ns: no look for 1 to 25 us, no sleep for 15 to 75, which is what a sleep costs both. */
enum { LOCK_PAUSES_FIRST = 32, LOCK_PAUSES_MOST = 512, LOCK_PAUSES_ALL = 1536 };

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

static uint32_t pause_for(uint32_t pauses)
{
	for (uint32_t i = 0; i < pauses; i++)
		__builtin_ia32_pause();
	return pauses;
}

/* Looked at seldom, the word stays with its holder's processor: of two tasks that do nothing but take the lock, one does so many
 * times before the other gets it, and what their books cost on the way from one processor to the other is shared by many calls.
 * Once it has slept, a waiter takes the lock with the contended bit on: others may sleep too, and nobody counted them. */
enum lock_result lock_take_slow(struct lock *lock, const struct tulou_host *host, uint32_t self)
{
	uint32_t mark = 0, next = LOCK_PAUSES_FIRST, paused = 0, seen;
	enum lock_result result;

	while ((result = lock_take_now(lock, host, self, mark, &seen)) == LOCK_HELD) {
		if (paused < LOCK_PAUSES_ALL) {
			paused += pause_for(next);
			next = next < LOCK_PAUSES_MOST ? 2 * next : next;
		} else {
			mark = LOCK_CONTENDED;
			lock_await(lock, host, seen);
			next = LOCK_PAUSES_FIRST;
			paused = 0;
		}
	}
	return result;
}

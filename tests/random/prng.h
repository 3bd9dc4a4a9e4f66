/* SPDX-License-Identifier: MIT */
/* prng.h - the tests' source of chance (splitmix64): the same numbers for the same seed, everywhere. */
#ifndef RANDOM_PRNG_H
#define RANDOM_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t prng_next(struct prng *prng)
{
	uint64_t z = prng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 0 … below-1 */
static inline unsigned prng_below(struct prng *prng, unsigned below)
{
	return (unsigned)(prng_next(prng) % below);
}

/* low … high */
static inline long prng_between(struct prng *prng, long low, long high)
{
	return low + (long)(prng_next(prng) % (uint64_t)(high - low + 1));
}

static inline bool prng_percent(struct prng *prng, unsigned percent)
{
	return prng_below(prng, 100) < percent;
}

#endif

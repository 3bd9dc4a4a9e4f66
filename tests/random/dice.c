/* SPDX-License-Identifier: MIT */
/* dice.c - sizes and places: around pages, around chunks, and around what the sequence has made before. */
#include "generate.h"

int weighted_pick(struct prng *prng, const struct weighted *choices, unsigned count)
{
	unsigned total = 0, at;

	for (unsigned i = 0; i < count; i++)
		total += choices[i].weight;
	at = prng_below(prng, total);
	for (unsigned i = 0; i < count; i++) {
		if (at < choices[i].weight)
			return choices[i].value;
		at -= choices[i].weight;
	}
	return choices[0].value;
}

size_t size_pick(struct generator *gen)
{
	struct prng *prng = &gen->prng;
	long chunk = (long)(gen->seq->world.chunk_size / PAGE), pages;
	unsigned roll = prng_below(prng, 100);

	if (roll < 66)
		pages = prng_between(prng, 1, 8);
	else if (roll < 84)
		pages = prng_between(prng, 8, 40);
	else if (roll < 92)
		pages = prng_between(prng, chunk - 2, chunk + 2);
	else
		pages = prng_between(prng, chunk, 4 * chunk);
	return (size_t)pages * PAGE - (prng_percent(prng, 10) ? (size_t)prng_between(prng, 1, PAGE - 1) : 0);
}

size_t size_wild(struct prng *prng)
{
	static const size_t sizes[] = {1ul << 47, 1ul << 62, 1ul << 63, -1ul, -4095ul, -4096ul, -8192ul};

	return sizes[prng_below(prng, sizeof(sizes) / sizeof(sizes[0]))];
}

struct place place_pick(struct generator *gen)
{
	struct prng *prng = &gen->prng;
	unsigned roll = prng_below(prng, 100);
	struct place place = {.kind = PLACE_ARENA};

	if (roll < 45 && gen->number) {
		unsigned back = (unsigned)prng_between(prng, 1, gen->number < 30 ? (long)gen->number : 30);

		place.kind = PLACE_RESULT;
		place.of = gen->number - back;
	} else if (roll < 80) {
		place.kind = PLACE_AREA;
		place.of = prng_below(prng, 64);
	} else {
		place.delta = prng_between(prng, 0, 12 * (long)(gen->seq->world.chunk_size / PAGE)) * PAGE;
		return place;
	}
	if (prng_percent(prng, 50))
		place.delta = prng_between(prng, -4, 10) * PAGE;
	return place;
}

/* SPDX-License-Identifier: MIT */
/* shrink.h - from a sequence that shows a difference to a short one that still does. */
#ifndef RANDOM_SHRINK_H
#define RANDOM_SHRINK_H

#include "compare.h"

/* Runs both sides; what differs is in `out`. `leader` and `follower` hold the records afterwards. */
struct pair {
	const struct side *leader_side;
	struct record *leader, *follower;
};
void pair_run(const struct pair *pair, const struct sequence *seq, bool contents_always, struct difference *out,
	void (*agreed)(const struct world *world, const struct outcome *outcome));

/* `seq` shows a difference; on return it is short, and still shows one. */
void sequence_shrink(const struct pair *pair, struct sequence *seq);

#endif

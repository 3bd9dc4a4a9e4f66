/* SPDX-License-Identifier: MIT */
/* execute.h - between execute.c, resolve.c, judge.c and pair.c. */
#ifndef RANDOM_EXECUTE_H
#define RANDOM_EXECUTE_H

#include "side.h"

/* Sizes from here on are meant to be refused; they are passed on as they are. */
static const size_t wild_size = 1ul << 46;

static inline size_t page_up(size_t size)
{
	return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* resolve.c: an op in numbers, by what the leader has at this moment. */
void op_resolve(struct run *run, const struct op *op, struct request *req);

/* judge.c: what process `who` has booked. */
const struct map *process_booked(struct run *run, unsigned who);
/* judge.c: before the call, and after it, what compare.c and the follower must know of it. */
void outcome_before(struct run *run, struct outcome *outcome);
void outcome_after(struct run *run, struct outcome *outcome);

/* execute.c: the call itself; the map and contents of process run->who. */
void op_call(struct run *run, unsigned index);
void process_look(struct run *run, unsigned index);

/* pair.c: the follower's second process. It begins here, and ends with this process. */
void pair_start(struct run *run);
/* It calls op `index` if that is its own, and looks; then it waits. */
void pair_tell(unsigned index);
void pair_wait(void);
void pair_end(void);

#endif

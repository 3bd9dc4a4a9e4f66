/* SPDX-License-Identifier: MIT */
/*
 * side.h - one of the two that are compared, behind one table of functions, and the record of what it answered.
 *
 *     kernel leader    the system calls themselves, each new area put into the arena (self test of this program)
 *     linux, sim       the manager on that host
 *     kernel follower  the system calls, each new area put where the leader has it
 *
 * Every side runs a sequence in a child process of its own; the record lies in memory shared with the parent.
 */
#ifndef RANDOM_SIDE_H
#define RANDOM_SIDE_H

#include "map.h"
#include "sequence.h"

/* How many things the call's range met: the last dimension of the table at the end. */
enum spread { SPREAD_NONE, SPREAD_ONE_AREA, SPREAD_MANY_AREAS, SPREAD_MANY_CHUNKS, SPREAD_COUNT };

enum { WHAT_SIZE = 160, STACK_GAP = 256 * PAGE };

struct outcome {
	struct request request;
	long result; /* store, load: pages done, or | a fault << 32 */
	enum spread spread;
	bool gap; /* leader: refused, and the range meets the gap below the stack */
	bool full; /* leader: -ENOMEM, and no hole in the arena is large enough */
	bool mergeable; /* mremap: the old range lies in one range of the normal form, perhaps in several areas */
	uint64_t map; /* hash of the map after the call */
	uint64_t real_map; /* the same from /proc/self/maps; = map where there is no other source */
	uint64_t contents; /* hash of what can be read; 0 when it was not looked at */
	char what[WHAT_SIZE]; /* a broken invariant */
};

struct record {
	unsigned done; /* calls answered; less than the sequence's count when the child died */
	int status; /* of the child, as wait(2) */
	uintptr_t heap; /* the initial break; 0: none */
	uintptr_t stack; /* the lowest address of the stack that the builder made; 0: none */
	char start_what[WHAT_SIZE];
	struct map start; /* after the builder, before the first call */
	struct outcome outcomes[SEQUENCE_MAX];
	unsigned dump_at; /* in: dump map and contents after this call; SEQUENCE_MAX: none */
	char dump[256 * 1024]; /* out: text */
};

/* One execution of a sequence, in the child. */
struct run {
	const struct sequence *sequence;
	const struct side *side;
	struct record *record;
	const struct record *leader; /* NULL: this is the leader */
	struct map map; /* after the last call */
	long results[SEQUENCE_MAX]; /* by op id */
	bool contents_always;
	void *state; /* the side's own */
};

struct side {
	const char *name;
	bool plain_files; /* only the kinds of file that sim has */
	bool fault_detail; /* si_code of faults is known */
	/* Get ready; fills record->start and record->heap, or repeats the leader's. */
	void (*start)(struct run *run);
	/* `leader` is the leader's outcome of this call (NULL: this is the leader). */
	long (*call)(struct run *run, const struct request *req, const struct outcome *leader);
	/* The map by the side's own books. */
	void (*map)(struct run *run, struct map *map);
	/* The map by the kernel; NULL: none but `map`. */
	void (*real_map)(struct run *run, struct map *map);
	/* 0 or a fault: signal | si_code << 8. */
	long (*load)(struct run *run, uintptr_t addr, uint8_t *value);
	long (*store)(struct run *run, uintptr_t addr, uint8_t value);
	/* Areas and chunks in [addr, addr + size). */
	enum spread (*spread)(struct run *run, uintptr_t addr, size_t size);
	/* Invariants; NULL: none to check. 0 or a negative errno with words in `what`. */
	int (*check)(struct run *run, char *what, size_t size);
};

extern const struct side side_kernel_leader, side_kernel_follower, side_kernel_liar, side_linux, side_sim;

/* access.c: load and store one byte of this process, faults caught. */
void access_init(void);
long access_load(uintptr_t addr, uint8_t *value);
long access_store(uintptr_t addr, uint8_t value);

/* kernel.c: for mincore; what is resident is not compared, since it is the page cache's and the reclaimer's. */
enum { MINCORE_MAX = 1 << 30 };
extern unsigned char mincore_vector[MINCORE_MAX / PAGE];

/* kernel.c: the call as it is. */
long kernel_call(const struct request *req);

/* contents.c */
uint64_t contents_hash(struct run *run, FILE *dump);

/* execute.c: run the sequence on a side in a child, as leader (NULL) or follower of a record. Fills `record`. */
void sequence_execute(const struct sequence *seq, const struct side *side, struct record *record, const struct record *leader,
	bool contents_always);
struct record *record_create(void);
void record_destroy(struct record *record);

#endif

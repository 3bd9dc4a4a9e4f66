/* SPDX-License-Identifier: MIT */
/*
 * side.h - one of the two that are compared, behind one table of functions, and the record of what it answered.
 *
 *     kernel leader    the system calls themselves, each new area put into the arena (self test of this program)
 *     linux, sim       the manager on that host
 *     kernel follower  the system calls, each new area put where the leader has it
 *
 * In a world of two processes a manager has both process VMs in one address space, and the follower is two processes (pair.c).
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
	long result; /* store, load: pages done | fault << 32; read: bytes | hash << 32 */
	enum spread spread;
	bool gap; /* leader: refused, and the range meets the gap below the stack */
	bool others; /* leader: what was asked for touches the other process's areas */
	bool full; /* leader: -ENOMEM, and no hole in the arena is large enough */
	bool mergeable; /* mremap: the old range lies in one range of the normal form, perhaps in several areas */
	/* of each process, after the call */
	uint64_t maps[PROCESSES]; /* hash of the map */
	uint64_t contents[PROCESSES]; /* hash of what can be read; 0 when it was not looked at */
	/* leader: of both, without names, which the kernel gives to its own heap only */
	uint64_t bare_map; /* by the books */
	uint64_t real_map; /* by the host; = bare_map where there is no other source */
	char what[WHAT_SIZE]; /* a broken invariant */
};

struct record {
	unsigned done; /* calls answered; less than the sequence's count when the child died */
	int status; /* of the child, as wait(2) */
	uintptr_t heap; /* the initial break; 0: none */
	uintptr_t stack; /* the lowest address of the stack that the builder made; 0: none */
	char start_what[WHAT_SIZE];
	struct map start; /* after the builder, before the first call; of the only process */
	struct outcome outcomes[SEQUENCE_MAX];
	unsigned dump_at; /* in: dump map and contents after this call; SEQUENCE_MAX: none */
	char dumps[PROCESSES][128 * 1024]; /* out: text */
};

/* One execution of a sequence, in the child. */
struct run {
	const struct sequence *sequence;
	const struct side *side;
	struct record *record;
	const struct record *leader; /* NULL: this is the leader */
	unsigned who; /* the process that calls or is looked at */
	struct map maps[PROCESSES]; /* after the last call */
	long results[SEQUENCE_MAX]; /* by op id */
	bool contents_always;
	void *state; /* the side's own */
};

static inline const struct map *run_map(const struct run *run)
{
	return &run->maps[run->who];
}

static inline unsigned world_processes(const struct world *world)
{
	return world->pair ? PROCESSES : 1;
}

struct side {
	const char *name;
	bool plain_files; /* only the kinds of file that sim has */
	/* Get ready; fills record->start and record->heap, or repeats the leader's. */
	void (*start)(struct run *run);
	/* `leader` is the leader's outcome of this call (NULL: this is the leader, or the call is no part of the sequence). */
	long (*call)(struct run *run, const struct request *req, const struct outcome *leader);
	/* The calls on descriptors. */
	long (*file)(struct run *run, const struct request *req);
	/* The map of process run->who, by the side's own books. */
	void (*map)(struct run *run, struct map *map);
	/* The map of all processes by the host; NULL: none but `map`. */
	void (*real_map)(struct run *run, struct map *map);
	/* 0 or a fault: signal | si_code << 8 | (si_addr is not the address) << 16. */
	long (*load)(struct run *run, uintptr_t addr, uint8_t *value);
	long (*store)(struct run *run, uintptr_t addr, uint8_t value);
	/* What process `who` has booked, pages or not; NULL: what its map says. */
	void (*booked)(struct run *run, unsigned who, struct map *map);
	/* Areas and chunks in [addr, addr + size). */
	enum spread (*spread)(struct run *run, uintptr_t addr, size_t size);
	/* Invariants; NULL: none to check. 0 or a negative errno with words in `what`. */
	int (*check)(struct run *run, char *what, size_t size);
};

extern const struct side side_kernel_leader, side_kernel_follower, side_kernel_liar, side_linux, side_sim;

static inline long fault_make(int signal, int code)
{
	return signal | (long)(code & 0xff) << 8;
}

/* access.c: load and store one byte of this process, faults caught. */
void access_init(void);
long access_load(uintptr_t addr, uint8_t *value);
long access_store(uintptr_t addr, uint8_t value);

/* kernel_call.c: for mincore; what is resident is not compared, since it is the page cache's and the reclaimer's. */
enum { MINCORE_MAX = 1 << 30 };
extern unsigned char mincore_vector[MINCORE_MAX / PAGE];

/* kernel_call.c: the call as it is, on memory, and on a descriptor (files.h). */
long kernel_call(const struct request *req);
long kernel_file_call(struct run *run, const struct request *req);
long kernel_mmap(uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset);
long kernel_munmap(uintptr_t addr, size_t size);
/* What a read answers: bytes, and a hash of them. */
long read_result(const uint8_t *bytes, long count);

/* contents.c */
uint64_t contents_hash(struct run *run, FILE *dump);

/* execute.c: run the sequence on a side in a child, as leader (NULL) or follower of a record. Fills `record`. */
void sequence_execute(const struct sequence *seq, const struct side *side, struct record *record, const struct record *leader,
	bool contents_always);
struct record *record_create(void);
void record_destroy(struct record *record);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * sequence.h - a random sequence of memory calls: what is written down, replayed, shrunk and printed.
 *
 *     op (symbolic: "page 3 of what call 7 returned")  ── leader resolves ──>  request (numbers)  ── follower repeats
 *
 * The *leader* (a manager) runs first, in a child of its own, and chooses every address; its requests and results are
 * recorded. The *follower* (the kernel) runs in another child, gets the same requests, and is asked to place things where the
 * leader did, so that both maps can be compared address by address.
 */
#ifndef RANDOM_SEQUENCE_H
#define RANDOM_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SEQUENCE_MAX = 256, PAGE = 4096, PROCESSES = 2 };

enum call_kind {
	CALL_MMAP,
	CALL_MUNMAP,
	CALL_MREMAP,
	CALL_MPROTECT,
	CALL_BRK,
	CALL_MSYNC,
	CALL_MADVISE,
	CALL_MINCORE,
	CALL_MLOCK, /* prot: 0 munlock, 1 mlock, 2 mlock2; flags: of mlock2 */
	CALL_MLOCKALL, /* prot: 0 munlockall, 1 mlockall */
	CALL_MSEAL,
	CALL_TRUNCATE, /* of `file`, to `offset` bytes */
	CALL_WRITE, /* pwrite: `size` times `value`, at `offset` of `file` */
	CALL_READ, /* pread */
	CALL_CLOSE,
	CALL_SEAL, /* fcntl(F_ADD_SEALS) with `flags` */
	CALL_STORE, /* one byte in each page of a range, until one faults */
	CALL_LOAD, /* the same, read */
	CALL_COUNT,
};

/* Where, in words that still mean something when other calls of the sequence are dropped. */
enum place_kind {
	PLACE_ABSOLUTE, /* delta */
	PLACE_ARENA, /* start of the arena + delta */
	PLACE_RESULT, /* what call number `of` returned + delta; when it failed, a place in the arena */
	PLACE_AREA, /* start of the range number `of` (modulo the count) of the map at that time + delta */
	PLACE_HEAP, /* the initial break + delta */
};

struct place {
	enum place_kind kind;
	unsigned of;
	long delta;
};

struct op {
	unsigned id; /* its number when it was generated; PLACE_RESULT refers to it */
	enum call_kind call;
	struct place addr, new_addr;
	size_t size, new_size;
	int prot, flags; /* madvise: flags is the advice; mprotect: flags 1 is pkey_mprotect(2) with key -1 */
	int file; /* enum file_kind, or -1 */
	uint64_t offset;
	uint8_t value; /* of a store */
	uint8_t who; /* which process calls: 0 in a world of one */
};

static inline bool call_is_of_file(enum call_kind call)
{
	return call >= CALL_TRUNCATE && call <= CALL_SEAL;
}

static inline bool call_touches(enum call_kind call)
{
	return call == CALL_STORE || call == CALL_LOAD;
}

static inline bool call_has_range(enum call_kind call)
{
	return call != CALL_BRK && call != CALL_MLOCKALL && !call_is_of_file(call);
}

/* Where a sequence runs. */
struct world {
	uintptr_t start, end; /* the arena: the manager's pool */
	size_t chunk_size;
	bool heap; /* build image, heap and stack first, so that brk works; the manager has nooks if not */
	bool pair; /* two processes with the same descriptors */
};

struct sequence {
	struct world world;
	unsigned count;
	struct op ops[SEQUENCE_MAX];
};

/* An op in numbers. */
struct request {
	enum call_kind call;
	uintptr_t addr, new_addr;
	size_t size, new_size;
	int prot, flags, file;
	uint64_t offset;
	uint8_t value, who;
};

/* print.c: one call as C, without its result; addresses of the arena as A+0x…. */
void request_print(FILE *out, const struct world *world, const struct request *req);
void address_print(FILE *out, const struct world *world, uintptr_t addr);
void result_print(FILE *out, const struct world *world, const struct request *req, long result);
const char *errno_name(int number);
const char *call_name(enum call_kind call);
/* Of what the generator makes; "unknown" for all else. */
const char *advice_name(int advice);

#endif

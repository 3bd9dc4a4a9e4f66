/* SPDX-License-Identifier: MIT */
/*
 * probe.h - a host around another host: counts its callbacks, and fails those that it is told to.
 *
 *     core ──→ probe ──→ sim, flat or Linux host           flat host ──→ files: counted and failed by the same rules
 *
 * A callback that is failed does not reach the host behind, so that it has changed nothing, as host.h wants it.
 */
#ifndef TESTS_POOL_PROBE_H
#define TESTS_POOL_PROBE_H

#include <tulou/abi.h>
#include <tulou/host.h>

enum probe_call {
	PROBE_BOOKS_MAP, /* the calls up to PROBE_FILE_WRITE can fail */
	PROBE_MAP,
	PROBE_UNMAP,
	PROBE_PROTECT,
	PROBE_GROW,
	PROBE_MOVE,
	PROBE_REMAP,
	PROBE_ADVISE,
	PROBE_SYNC,
	PROBE_RESIDENT,
	PROBE_LOCK,
	PROBE_FILE_GET,
	PROBE_FILE_SIZE, /* these three: of the flat host */
	PROBE_FILE_READ,
	PROBE_FILE_WRITE,
	PROBE_BOOKS_UNMAP,
	PROBE_FILE_DUP,
	PROBE_FILE_PUT,
	PROBE_CALLS,
	PROBE_CALLS_FAILING = PROBE_FILE_WRITE + 1
};

struct probe_rule {
	size_t nth; /* 0: none; 1: the next call fails */
	int error;
	bool always;
};

struct probe {
	struct tulou_host host; /* what the core is given */
	const struct tulou_host *inner;
	size_t calls[PROBE_CALLS];
	size_t failed; /* how many calls were failed by rules */
	enum probe_call last_failed;
	size_t books; /* bytes of books that were not given back */
	size_t handles; /* references to files: file_get + file_dup - file_put */
	/* the rules */
	struct probe_rule rules[PROBE_CALLS_FAILING], any;
	uint64_t random;
	unsigned random_one_in;
	uintptr_t refused_page; /* by protect */
	int refused_error;
};

void probe_init(struct probe *probe, const struct tulou_host *inner);
const char *probe_call_name(enum probe_call call);
/* For files of the flat host: count a call. 0, or the negative errno that it must answer. */
int probe_enter(struct probe *probe, enum probe_call call);

/* The nth call of this kind from now on (1: the next one) answers -error and changes nothing. One rule per kind. */
void probe_fail(struct probe *probe, enum probe_call call, size_t nth, int error);
/* All calls of this kind from now on; error 0: none. */
void probe_fail_always(struct probe *probe, enum probe_call call, int error);
/* The nth call, whatever its kind, counting those that can fail. */
void probe_fail_any(struct probe *probe, size_t nth, int error);
/* One of `one_in` calls that can fail, chosen by `seed`, with ENOMEM. */
void probe_fail_random(struct probe *probe, uint64_t seed, unsigned one_in);
/* From now on `protect` of a range with this page changes what lies before the page, then answers -error, as mprotect(2) does at a
 * file on a noexec mount or a sealed one. */
void probe_refuse_protect(struct probe *probe, uintptr_t page, int error);
/* Forget all rules. */
void probe_fail_none(struct probe *probe);

/* What self() answers in this thread; 0: what the host behind answers. */
void probe_task_set(uint32_t task);

#endif

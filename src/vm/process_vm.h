/* SPDX-License-Identifier: MIT */
/*
 * process_vm.h - the memory of one process: its chunks, what is where in them, its heap, its stock of records.
 *
 *     process VM ─┬─ chunks (list) ──→ chunk {range}           what others see of it: the manager's
 *                 └─ step map: page → free, or content ──→ contents {object, perms, flags}     its own, in its own arena
 *
 * A process VM is not a task: it is counted over threads, vfork children and other CLONE_VM tasks. Functions here want the
 * process's lock (process_vm_enter) and take the manager's themselves; they leave it not taken.
 *
 * What is private to a process dies with it: map, contents and arena are not looked at any more when a task died in the middle of
 * a change and nobody of the process lives (salvage.c). While others do, all stores are noted.
 *
 * Invariants: P1 the marks in the map are the starts of the process's chunks, and what is not NONE lies in them; P2 `stale` is
 * empty, or another process has taken a part of a chunk there; P5 usage is the sum over the areas; P7 the grants add up to the
 * pool's;
 * P8 rooms (growth.h);
 * P9, P10 contents (content.h); H1 heap_start
 * <= brk; H2 the heap's chunk begins at heap_start; H3 areas of kind HEAP lie in [heap_start, page_up(brk)).
 */
#ifndef TULOU_VM_PROCESS_VM_H
#define TULOU_VM_PROCESS_VM_H

#include "content.h"
#include "nook.h"
#include "pool.h"
#include "resident.h"

/* In place of the count of references: the task in the lower bits has the only one, and tulou_reap() follows it. */
#define REFERENCES_GOING 0x80000000u
/* No process's, and no task's: shelf.c. */
#define REFERENCES_SHELVED REFERENCES_GOING

/* A change of the map, and the content that was looked up for it: words that are noted from one commit to the next. */
_Static_assert(
	STEP_NOTES(STEP_LEVELS - 2) + 2 * sizeof(struct content_table) / 8 + sizeof(struct content) / 8 + 16 <= JOURNAL_ENTRIES,
	"a change is one step");

/* A mapping, and where it moves. */
enum { ANNOUNCED = 2 };

struct tulou_process_vm {
	struct tulou *pool;
	struct list link; /* pool.processes; guarded by pool.list_lock */
	uint32_t id; /* atomic */
	/* Atomic; changed under guard, noted, or by who follows a dead task; to and from the shelf under the list's. */
	uint32_t references;
	void *label; /* on the shelf: its caller knows what; guarded by pool.list_guard */
	/* Names the journal while tasks share the process VM that can die one without the other; else nothing private is noted, and
	 * a death between process_vm_change_begin() and the end leaves it torn. */
	struct guard guard;
	struct journal *journal; /* of who holds the guard; fixed */
	bool parked; /* atomic: its call waits for the border, and nothing of it is half done */
	bool frozen; /* the holder of the list's guard has taken the lock (fork.c) */
	/* guarded by guard */
	bool torn; /* a task died inside a call, with all others of its process: fit only to be given back */
	bool interrupted; /* a task died inside a call: what it had begun is still to be taken back (interrupted.c) */
	bool huge; /* there may be areas of huge pages */
	bool has_device; /* there may be files that are no regular ones */
	uint8_t hidden; /* atomic; enum hidden: how much of it stays out of others' copies (fork.c) */
	bool sealed; /* there may be sealed areas: mseal(2) */
	bool watched; /* there is more to do at the end of a call: checks, or a grant that is given back; fixed */
	struct range
		announced[ANNOUNCED]; /* what a call of one of several tasks is, or was last, about to have the host change */
	int lock_future; /* flags of AREA_LOCK_MASK that new areas get: mlockall(MCL_FUTURE) */
	struct stock stock;
	struct step_map map; /* `version` and nodes: step_peek() */
	struct arena arena;
	struct content_table contents;
	struct usage usage;
	size_t peak; /* the largest usage.total at the end of a call */
	struct shm_bonds bonds;
	uintptr_t warm; /* the start of a chunk that is kept though it is empty, or 0 */
	struct range heap_room; /* the heap's chunk; empty before build */
	uintptr_t heap_start, brk;
	uint64_t limit_as, limit_data; /* bytes; UINT64_MAX: none */
	uint64_t limit_least; /* atomic: the lower of the two */
	/* Of the pool's memory limit, in larger steps than areas come and go, so that processes do not meet at the pool's counter.
	 * SIZE_MAX: there is no limit. */
	size_t granted;
	struct range growth; /* all that grows, and its room, lies in it: growth.h; start above end: there is none */
	bool exact; /* keeps nothing: resident.h */
	struct resident resident;
	struct nooks *nooks; /* atomic: NULL: none yet; in the arena */
	uint32_t meetings; /* how often a call waited for another's, as far as that matters */
	/* guarded by the manager's guard */
	struct list chunks;
	struct range stale; /* where others have taken parts of its chunks, and the map does not know yet */
	struct step_leaf root; /* of the map, before it grows */
};

/* Changes of the map, and contents, that one step makes at most. */
enum { CHANGES_PER_CALL = 4, CONTENTS_PER_CALL = 4 };

/* Bytes that a process keeps of its grant without using them. */
enum { GRANT_SPARE = 4 << 20 };

enum hidden { HIDDEN_NONE, HIDDEN_SOME, HIDDEN_ALL };

/* The pool and its limbo lie in one piece. Bytes. */
static inline size_t pool_struct_size(void)
{
	return page_up(sizeof(struct tulou) + sizeof(struct tulou_process_vm));
}

/* limits.c: may the process have `more` when it has `have`? 0 or -ENOMEM. */
static inline int process_vm_may_have(struct tulou_process_vm *vm, struct usage have, struct usage more);
/* May it have what it has? Mostly one look says so, since nothing counts as more than it is. False: it may all the same. */
static inline bool process_vm_is_within(const struct tulou_process_vm *vm)
{
	return vm->usage.total <= vm->limit_least && vm->usage.committed <= vm->granted;
}
int process_vm_may_have_slow(struct tulou_process_vm *vm, struct usage have, struct usage more);
/* RLIMIT_AS and RLIMIT_DATA. */
void process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data);
/* Give back to the pool what was granted beyond `keep`. */
void process_vm_grant_return(struct tulou_process_vm *vm, size_t keep);

/* ---- its life ---- */
/* `journal` is its own from now on. */
void process_vm_init(struct tulou_process_vm *vm, struct tulou *pool, uint32_t id, struct journal *journal);
/* Take the lock; after the death of a holder what is shared is whole again, and the process VM torn if it went with him. */
void process_vm_lock(struct tulou_process_vm *vm, uint32_t self);
/* The lock has just been taken: `result` says how. */
static inline void process_vm_locked(struct tulou_process_vm *vm, uint32_t self, enum guard_result result);
static inline void process_vm_unlock(struct tulou_process_vm *vm)
{
	guard_drop(&vm->guard, vm->pool->host);
}
/* From here on the holder, which is of the process, or follows its last task, makes changes; nobody else may. */
static inline void process_vm_change_begin(struct tulou_process_vm *vm);
/* The same for a task of another process, whose death must not tear this one. */
void process_vm_change_noted(struct tulou_process_vm *vm);
/* Begin a call: take the lock and memory for one step. 0, or -ENOMEM (lock not taken), which is all that a torn one answers. */
static inline int process_vm_enter(struct tulou_process_vm *vm);
/* The same if nobody has the lock. */
bool process_vm_try_enter(struct tulou_process_vm *vm);
/* End it, and run the checks that the pool wants; `touched` is what the call changed; empty: nothing. */
static inline void process_vm_leave(struct tulou_process_vm *vm, struct range touched);
/* Have memory for one more step: records, steps, contents. Mostly nothing was used since the last time. */
bool process_vm_reserve_slow(struct tulou_process_vm *vm);
static inline bool process_vm_reserve(struct tulou_process_vm *vm)
{
	return likely(!vm->stock.spent && !vm->arena.spent) || process_vm_reserve_slow(vm);
}
/* Is there something that the process does not know of its memory? */
static inline bool process_vm_is_behind(const struct tulou_process_vm *vm)
{
	return vm->stale.end || vm->interrupted;
}
/* Learn what others have taken, and take back what a dead task of the process had begun. False: no memory for it. */
bool process_vm_catch_up(struct tulou_process_vm *vm);
/* Others have changed which chunks are the process's in `range`. The manager is locked. */
void process_vm_stale(struct tulou_process_vm *vm, struct range range, struct stock *stock);
/* Give back all areas and chunks. What the host refuses goes to limbo. Cannot fail. */
void process_vm_clear(struct tulou_process_vm *vm);
/* salvage.c: the same for a torn one; its lock is held, its books are not trusted. */
void process_vm_salvage(struct tulou_process_vm *vm, uint32_t self);
/* references.c: noted stores, of the count, and into a place; others may read both at any time. */
void references_set(struct journal *journal, struct tulou_process_vm *vm, uint32_t references);
void place_set(struct journal *journal, struct tulou_process_vm **place, struct tulou_process_vm *vm);
/* Clear it, take it out of the pool's set and free it, whatever its count. */
void process_vm_give_back(struct tulou_process_vm *vm);
/* Ask the host again for what is in limbo. Takes limbo's lock. */
void limbo_retry(struct tulou *pool, uint32_t self);
/* Hand a chunk over to limbo, which learns of it when it catches up. The manager is locked. */
void limbo_take_locked(struct tulou *pool, struct chunk *chunk, struct stock *stock);
/* Hand the process's areas in `range` to limbo, if memory can be had to cut their chunks. */
void limbo_take(struct tulou_process_vm *vm, struct range range);
/* The host is about to change `range` (`which`: 0, or 1 for where something moves), and what was booked for that stays. Who follows
 * a task that dies in between asks the host how far it came (interrupted.c). */
static inline void process_vm_announce(struct tulou_process_vm *vm, unsigned which, struct range range)
{
	if (likely(!journal_notes(vm->arena.journal)))
		return;
	journal_commit(vm->arena.journal);
	vm->announced[which] = range;
}

static inline struct nooks *process_vm_nooks(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->nooks, __ATOMIC_ACQUIRE);
}

/* Pages that nooks may keep. */
static inline size_t nooks_pages(const struct tulou_process_vm *vm)
{
	return process_vm_nooks(vm) ? __atomic_load_n(&process_vm_nooks(vm)->pages, __ATOMIC_RELAXED) : 0;
}

static inline int resident_drop(struct tulou_process_vm *vm, struct range range)
{
	return likely(!(vm->resident.count | (uintptr_t)vm->nooks)) ? 0 : resident_drop_slow(vm, range);
}

static inline bool resident_keep(struct tulou_process_vm *vm, struct range range)
{
	return vm->pool->host->zero && vm->pool->resident != TULOU_RESIDENT_OFF && range_size(range) <= RESIDENT_BLOCK_BYTES &&
	       resident_keep_slow(vm, range);
}

#include "areas.h"
#include "process_vm_call.h"

#endif

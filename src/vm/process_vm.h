/* SPDX-License-Identifier: MIT */
/*
 * process_vm.h - the memory of one process: which chunks it is in, its heap, its stock of records.
 *
 *     process VM ──owners (tree by address)──→ owner {area count, room} ──→ chunk ──→ areas
 *
 * A process VM is not a task: it is counted over threads, vfork children and other CLONE_VM tasks. An address of the process is
 * found through its own chunks, without the manager. Functions here want the process's lock (process_vm_enter) and take manager
 * and chunk locks themselves; they leave none taken.
 * Invariants: P1 every owner in the tree names the process, is in its chunk's list, and has an area or a pin; P2 keys ascend; P3
 * room_max is that of the subtree; P4 room is not above the truth where the process is alone; H1 heap_start <= brk; H2 the
 * heap's chunk is pinned and begins at heap_start; H3 areas of kind HEAP lie in [heap_start, page_up(brk)); P5 usage is the sum
 * over its areas; P7 the grants add up to the pool's.
 */
#ifndef TULOU_VM_PROCESS_VM_H
#define TULOU_VM_PROCESS_VM_H

#include "chunk_manager.h"
#include "pool.h"
#include "resident.h"

/* In place of the count of references: the task in the lower bits has the only one, and tulou_reap() follows it. */
#define REFERENCES_GOING 0x80000000u
/* No process's, and no task's: parked.c. */
#define REFERENCES_PARKED REFERENCES_GOING

struct tulou_process_vm {
	struct tulou *pool;
	struct list link; /* pool.processes; guarded by pool.list_lock */
	uint32_t id, references; /* atomic */
	void *label; /* of a parked one, whoever parked it knows what; guarded by pool.list_guard */
	/* Names the journal while tasks share the process VM that can die one without the other; else nothing private is noted, and a
	 * death between process_vm_change_begin() and the end leaves it torn. */
	struct guard guard;
	struct journal *journal; /* of who holds the guard; fixed */
	/* guarded by guard */
	bool torn; /* a task died inside a call, with all others of its process: fit only to be given back */
	struct stock stock;
	struct shm_bonds bonds;
	struct tree owners;
	struct owner *hint; /* the open chunk that was used last, or NULL */
	struct owner *heap; /* the pinned bond with the heap's chunk, or NULL before build */
	uintptr_t heap_start, brk;
	struct usage usage;
	bool huge; /* there may be areas of huge pages */
	size_t peak; /* the largest usage.total at the end of a call */
	bool sealed; /* there may be sealed areas: mseal(2) */
	int lock_future; /* flags of AREA_LOCK_MASK that new areas get: mlockall(MCL_FUTURE) */
	struct range growth; /* all that grows, and its room, lies in it: growth.h; start above end: there is none */
	uint64_t limit_as, limit_data; /* bytes; UINT64_MAX: none */
	/* Of the pool's memory limit, in larger steps than areas come and go, so that processes do not meet at the pool's counter.
	 * SIZE_MAX: there is no limit. */
	size_t granted;
	bool exact; /* keeps nothing: resident.h */
	struct resident resident;
};

/* The pool and its limbo lie in one piece. Bytes. */
static inline size_t pool_struct_size(void)
{
	return page_up(sizeof(struct tulou) + sizeof(struct tulou_process_vm));
}

/* limits.c: may the process have `more` when it has `have`? 0 or -ENOMEM. */
int process_vm_may_have(struct tulou_process_vm *vm, struct usage have, struct usage more);
/* Give back to the pool what was granted beyond `keep`. */
void process_vm_grant_return(struct tulou_process_vm *vm, size_t keep);

/* Take the lock; after the death of a holder what is shared is whole again, and the process VM torn if it went with him. */
void process_vm_lock(struct tulou_process_vm *vm, uint32_t self);
void process_vm_unlock(struct tulou_process_vm *vm);
/* From here on the holder, which is of the process, or follows its last task, makes changes; nobody else may. */
void process_vm_change_begin(struct tulou_process_vm *vm);
/* The same for a task of another process, whose death must not tear this one. */
void process_vm_change_noted(struct tulou_process_vm *vm);
/* Begin a call: take the lock and records for one step. 0, or -ENOMEM (lock not taken), which is all that a torn one answers. */
int process_vm_enter(struct tulou_process_vm *vm);
/* The same if nobody has the lock. */
bool process_vm_try_enter(struct tulou_process_vm *vm);
/* End it, and run the checks that the pool wants; `touched` is what the call changed; empty: nothing. */
void process_vm_leave(struct tulou_process_vm *vm, struct range touched);

/* `journal` is its own from now on. */
void process_vm_init(struct tulou_process_vm *vm, struct tulou *pool, uint32_t id, struct journal *journal);
/* Give back all areas and chunks. What the host refuses goes to limbo. Cannot fail. */
void process_vm_clear(struct tulou_process_vm *vm);
/* salvage.c: the same for a torn one; its lock is held, its books are not trusted. */
void process_vm_salvage(struct tulou_process_vm *vm, uint32_t self);
/* Clear it, take it out of the pool's set and free it, whatever its count. */
void process_vm_give_back(struct tulou_process_vm *vm);
/* Ask the host again for what is in limbo. Takes limbo's lock. */
void limbo_retry(struct tulou *pool, uint32_t self);
/* Hand the process's areas in `stretch` to limbo. Takes limbo's lock. */
void limbo_take(struct tulou_process_vm *vm, struct range stretch);

static inline int resident_drop(struct tulou_process_vm *vm, struct range range)
{
	return likely(!vm->resident.count) ? 0 : resident_drop_slow(vm, range);
}

/* ---- owners ---- */
/* The lowest owner whose chunk ends above `addr`, or NULL. */
struct owner *process_vm_owner_above(const struct tulou_process_vm *vm, uintptr_t addr);
/* The bond with `chunk`, made if there is none. Manager and chunk locked. One record of `stock`. */
struct owner *process_vm_owner_get_locked(struct tulou_process_vm *vm, struct chunk *chunk, struct stock *stock);
/* Note the room in the owner's chunk after a change there. Chunk locked. */
void process_vm_room_note_locked(struct owner *owner);
/* If the owner has neither area nor pin: end the bond, and give back the chunk if it was the last. */
void process_vm_owner_settle(struct tulou_process_vm *vm, struct owner *owner);
/* Take back a pin, and settle. */
void process_vm_owner_unpin(struct tulou_process_vm *vm, struct owner *owner);

/* ---- areas, across chunks ---- */
/* The lowest area of the process that ends above `addr`. False: there is none. */
bool process_vm_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out);
/* The first stretch of `range` that the process's areas cover without a hole, all with host pages or all without; `first` is its
 * lowest area. False: none. */
bool process_vm_stretch(struct tulou_process_vm *vm, struct range range, struct range *stretch, struct area *first);
/* Is every page of `range` the process's? */
bool process_vm_covers(struct tulou_process_vm *vm, struct range range);
/* How far the mapping that `area` is part of reaches. */
uintptr_t process_vm_mapping_end(struct tulou_process_vm *vm, const struct area *area);
/* Remove all pages of the process from `range`, or only those of pending areas. */
void process_vm_remove(struct tulou_process_vm *vm, struct range range, bool pending_only);
/* Show `content` in `range`, all of which belongs to the process. */
void process_vm_replace(struct tulou_process_vm *vm, struct range range, struct area_content content);
/* Change flags and perms of the areas in `range`, all of which belongs to the process. */
void process_vm_change(struct tulou_process_vm *vm, struct range range, struct area_change change);

#endif

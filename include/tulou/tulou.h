/* SPDX-License-Identifier: MIT */
/*
 * tulou.h - the embedder's calls: one pool, many process VMs.
 *
 *     pool (struct tulou) ── chunks ── areas            tulou_create … tulou_destroy
 *       └ process VM (struct tulou_process_vm) ×N       tulou_process_vm_create, then mmap munmap mremap mprotect brk msync …
 *
 * Calls answer as the Linux system calls of the same name do on x86-64: a value >= 0, or a negative errno (abi.h).
 * Every call is atomic towards every other thread, safe in a signal handler that did not interrupt a call of the same task
 * (the runtime blocks signals), and all-or-nothing: when it fails, nothing has changed, except where Linux itself documents a
 * partial effect (mprotect, madvise, msync, mlock, mincore over a hole).
 */
#ifndef TULOU_H
#define TULOU_H

#include <tulou/abi.h>
#include <tulou/host.h>

struct tulou; /* a pool and everything in it: the VM manager of the chart */
/* The memory of one process; counted, since vfork children and CLONE_VM tasks share it. Tasks that can die one without the other have
 * a reference each; threads of one process, which die together, share one. */
struct tulou_process_vm;

/* May blocks that a process has unmapped stay with it, zeroed, for its next mmap of the same size? A stray access to one then reads
 * zeros where it would fault (docs/deviations.md, R1). Off: never, exact. Churn: of sizes that it maps and unmaps again and again. */
enum tulou_resident { TULOU_RESIDENT_OFF, TULOU_RESIDENT_CHURN, TULOU_RESIDENT_ALWAYS };

struct tulou_config {
	uintptr_t start, end; /* the pool, page-aligned, half-open */
	uintptr_t placement_start; /* where areas without an address are looked for first; 0: start. Wraps to start when full */
	uintptr_t
		hint_start; /* a lower hint of mmap is rounded up to it (a kernel may have a higher bound for hints); 0: start */
	size_t chunk_size; /* default size of a multi-VMA chunk, a power of two; 0: 32 MiB */
	int check_level; /* 0 never, 1 what was touched, 2 all of its process, 3 the whole pool, after every change */
	/* Bytes that all processes together may commit; what a call would take beyond it is ENOMEM. Counted, whether touched or not, is
	 * private memory that can be written and shared anonymous memory; not what was mapped with MAP_NORESERVE (unless mprotect made
	 * it writable later), nor stacks. 0: no limit. */
	uint64_t memory_limit;
	enum tulou_resident resident;
};

/* Errors: EINVAL (config), ENOMEM. The host struct must outlive the pool. */
int tulou_create(struct tulou **out, const struct tulou_host *host, const struct tulou_config *config);
/* Another limit in place of config->memory_limit, which was not 0. Who has more already keeps it. */
void tulou_limit_memory(struct tulou *pool, uint64_t bytes);
/* Gives back everything, process VMs included. Nobody may be inside a call. */
void tulou_destroy(struct tulou *pool);

/* ---- process VMs ------------------------------------------------------------------------------------------------------- */

/* An empty process VM with one reference, which is bound to the place `out`. `id` is only shown (map, statistics): the runtime passes the
 * pid. Errors: ENOMEM (*out is NULL). */
int tulou_process_vm_create(struct tulou *pool, uint32_t id, struct tulou_process_vm **out);
void tulou_process_vm_set_id(struct tulou_process_vm *vm, uint32_t id);
uint32_t tulou_process_vm_id(const struct tulou_process_vm *vm);
void tulou_process_vm_ref(struct tulou_process_vm *vm);
/* Tasks that die: a reference may be bound to a place, a pointer that others find when its task is dead. Count and place change in one step,
 * of which a dead task has done all or nothing once tulou_reap() was called; until then its places must stay what they are.
 * One more reference, and *place, which was NULL, names it. */
void tulou_process_vm_share(struct tulou_process_vm *vm, struct tulou_process_vm **place);
/* End the reference of *place, which is NULL then; nothing if it was. */
void tulou_process_vm_drop(struct tulou_process_vm **place);
/* Exchange two places, of which `other` is not NULL. */
void tulou_process_vm_swap(struct tulou_process_vm **one, struct tulou_process_vm **other);
/* The caller has the only reference. */
bool tulou_process_vm_exclusive(const struct tulou_process_vm *vm);
/* RLIMIT_AS and RLIMIT_DATA of the process, in bytes: what a call would take beyond them is ENOMEM (getrlimit(2)). A fresh process
 * VM has none (UINT64_MAX). */
void tulou_process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data);
/* The most bytes that its areas had together: VmPeak of /proc/PID/status. */
size_t tulou_process_vm_peak(struct tulou_process_vm *vm);
/* Nothing of this process is kept from now on (tulou_config.resident): for who gives its memory properties that the books do not know,
 * or lets the host go on with pages of it after they were unmapped. */
void tulou_process_vm_exact(struct tulou_process_vm *vm);
/* Was it said, or advice given (madvise(2)) that comes to the same? */
bool tulou_process_vm_is_exact(const struct tulou_process_vm *vm);
/* Unmap what processes keep and have not used since the last call: to be called every few seconds where anything is kept. Bytes
 * that are still kept. */
size_t tulou_trim(struct tulou *pool);
/* The last reference gives back all areas and chunks. What the host refuses to take back goes to limbo. */
void tulou_process_vm_unref(struct tulou_process_vm *vm);
/* What tasks were doing when they died is taken back, and what they were giving back is given back. To be called after tasks that use the
 * pool have died, before their places are looked at. */
void tulou_reap(struct tulou *pool);

/* The shelf: process VMs whose process has ended, kept for one that will want the same. The one of *place, which has no other reference, is
 * nobody's from here on; *place is NULL and its id 0. Its areas stay as they are; limits and what was kept for its process go. `label` is the
 * caller's, not NULL. 0; -EBUSY: others have it too, or there is more to it than areas (seals, locks, advice, huge pages, devices): nothing has
 * changed; -ENOMEM. */
int tulou_process_vm_shelve(struct tulou_process_vm **place, void *label);
/* The one that was shelved last among those whose label `match` takes: *place, which was NULL, has the only reference. Returns its label;
 * NULL: there is none. `match` runs under a lock. */
void *tulou_process_vm_unshelve(
	struct tulou *pool, bool (*match)(void *arg, void *label), void *arg, struct tulou_process_vm **place);
/* The same, but it is given back. */
void *tulou_process_vm_discard(struct tulou *pool, bool (*match)(void *arg, void *label), void *arg);

/* One ELF image (or anything else that needs one contiguous range while it is being put together). */
struct tulou_image {
	size_t size; /* bytes, page-aligned: from the first to the last page of the image */
	size_t align; /* power of two, at least a page */
	uintptr_t fixed; /* where it must be (ET_EXEC), or 0: anywhere */
	uintptr_t base; /* out: where it is */
};

struct tulou_layout {
	struct tulou_image *images; /* [0] is the program: the heap begins behind it where there is room */
	unsigned image_count;
	size_t stack_size; /* bytes; the 256 pages below the stack and its room stay free */
	/* Bytes below the stack that it may grow into by being touched (MAP_GROWSDOWN); less where the pool has not so much. 0, or a
	 * host that grows nothing: it stays as it is. */
	size_t stack_room;
	uintptr_t stack_start, stack_end; /* out */
	uintptr_t heap_start; /* out: the initial break */
};

/* The process VM builder: place images, heap and stack of an empty process VM. Image ranges are booked as areas without access
 * and without host pages; the loader then maps over them with MAP_FIXED and unmaps what it does not need. The stack is
 * mapped (read-write, private, anonymous). The heap is empty with room to grow.
 * Errors: EEXIST (a `fixed` range is taken), ENOMEM, EINVAL. */
int tulou_process_vm_build(struct tulou_process_vm *vm, struct tulou_layout *layout);

/* ---- the calls. mmap(2) munmap(2) mremap(2) mprotect(2) brk(2) msync(2) madvise(2) mincore(2) mlock(2) ------------------- */

long tulou_mmap(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset);
long tulou_munmap(struct tulou_process_vm *vm, uintptr_t addr, size_t size);
long tulou_mremap(
	struct tulou_process_vm *vm, uintptr_t old_addr, size_t old_size, size_t new_size, int flags, uintptr_t new_addr);
/* `prot` must be 0. */
long tulou_remap_file_pages(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, uint64_t page_offset, int flags);
long tulou_mprotect(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot);
/* The raw system call: the new break, or the unchanged one when it could not be moved. addr 0 asks. */
long tulou_brk(struct tulou_process_vm *vm, uintptr_t addr);
long tulou_msync(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int flags);
long tulou_madvise(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int advice);
/* Sealed areas go with the process VM only. The host does not hear of it. */
long tulou_mseal(struct tulou_process_vm *vm, uintptr_t addr, size_t size, unsigned long flags);
/* One byte per page; bytes before a hole are written. */
long tulou_mincore(struct tulou_process_vm *vm, uintptr_t addr, size_t size, unsigned char *vector);
/* mlock(2) is flags 0. Over a hole: ENOMEM, and what lies before it is locked. How much may be locked is the host's business. */
long tulou_mlock2(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int flags);
long tulou_munlock(struct tulou_process_vm *vm, uintptr_t addr, size_t size);
/* `limit`: RLIMIT_MEMLOCK in bytes, UINT64_MAX for who may lock anything. Unlike Linux, a host that refuses an area is told of: what
 * lies below it is locked. Not inherited by a copy, and a new process VM (execve) begins without. */
long tulou_mlockall(struct tulou_process_vm *vm, int flags, uint64_t limit);
long tulou_munlockall(struct tulou_process_vm *vm);

/* Does every page of the range belong to this process, with at least `prot`? For callers that must touch guest memory. */
bool tulou_access_ok(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot);

/* ---- fork by copy ------------------------------------------------------------------------------------------------------- */
/* A host that can copy the whole address space (fork(2)) calls prepare, forks, then parent() in the parent and child() in the
 * child: prepare takes every lock, so that the copy is consistent, and asks the host to keep the others' memory out of it
 * (MADV_DONTFORK, which stays until they fork themselves). child() drops all process VMs but `keep` from the copy's books and gives their host pages
 * back. `keep` is the same in all three, `self` may differ in the child. Errors of prepare: none. */
void tulou_fork_prepare(struct tulou *pool, struct tulou_process_vm *keep);
void tulou_fork_parent(struct tulou *pool, struct tulou_process_vm *keep);
void tulou_fork_child(struct tulou *pool, struct tulou_process_vm *keep);

#endif

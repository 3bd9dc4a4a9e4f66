/* SPDX-License-Identifier: MIT */
/*
 * process.h - the process table: one slot for each guest of the instance.
 *
 * A guest process is a kernel task (thread group) of its own that shares only its memory with the others: pid, descriptors, cwd
 * and signals are the kernel's. What the kernel cannot know, because the address space is shared, stands here.
 *
 * States:  FREE ──claim──▶ CLAIMED ──▶ LIVE ──exit_group gives back early──▶ GONE ──supervisor sees the task dead──▶ RECLAIM ──▶ FREE
 *                                      └──────────────SIGKILL …: supervisor sees the task dead─────────┘
 *
 * State, generation of the slot and the task that answers for it (its creator, or who takes it back) are one word, the tag. A
 * change of state is a compare-and-swap of the tag that was looked at, so that nobody takes back what has become another's
 * meanwhile; and when who answers for a slot is dead, the supervisor follows.
 *
 * `word` is the leader's CLONE_CHILD_CLEARTID word: STARTING before the task runs, then its tid, RELEASED or-ed in once it no
 * longer runs on its vfork parent's memory, and 0 once the leader is dead (or has left by a real execve).
 *
 * A slot is claimed by compare-and-swap and written only by its own tasks or, dead, by the supervisor. Only what several threads
 * of the process may write has a lock; nothing else is taken while one is held.
 */
#ifndef TULOU_RUNTIME_PROCESS_H
#define TULOU_RUNTIME_PROCESS_H

#include "base/lock.h"
#include "runtime/elf/program.h"
#include "runtime/process/attributes.h"
#include "runtime/process/limits.h"
#include "runtime/process/outside.h"
#include "runtime/process/thread.h"
#include "runtime/runtime.h"

enum { PROCESS_COUNT = 32768, PROCESS_PATH = 4096, SIGNAL_COUNT = 64 };
#define PROCESS_SLOT 16384ul

enum process_state { PROCESS_FREE, PROCESS_CLAIMED, PROCESS_LIVE, PROCESS_GONE, PROCESS_RECLAIM };
enum traced { NOT_TRACED, TRACED_FROM_EXEC /* traced.c */, TRACED };

#define WORD_STARTING 0x40000000u
#define WORD_RELEASED 0x20000000u
#define WORD_TID      0x1fffffffu

/* struct kernel_sigaction of x86-64 */
struct signal_action {
	uint64_t handler, flags, restorer, mask;
};

struct image_set;
struct patch_space;
struct seccomp_filter;

struct process {
	uint64_t tag; /* token of the task that answers for it << 32 | generation << 8 | enum process_state; atomic */
	uint32_t word; /* futex; atomic */
	int pid;
	uint32_t thread_count; /* tasks that may still run guest code; atomic */
	/* Between claim and supervisor_watch() only its parent (and itself) touch a process: it must not be taken back
	 * meanwhile. */
	uint32_t complete; /* pid and all are set; atomic */
	uint32_t watched; /* by the supervisor of this epoch; 0: by none; atomic */
	uint32_t leaving; /* in a real execve: `word` 0 means that it left */
	uint32_t exiting; /* its threads are asked to end */
	uint32_t map_wanted; /* futex: 1 asks the supervisor to print the pool, 0 says that it has; atomic */
	uint64_t memory_changes; /* calls that may have taken memory away: user.c; atomic, and only grows */
	bool leader_exited; /* the leader ended by pthread_exit: `word` says nothing any more */
	enum traced traced; /* it called PTRACE_TRACEME */
	bool listed; /* one of the programs of the command line */
	bool executed; /* another program than it was made with: setpgid(2) */
	struct tulou_process_vm *vm;
	struct tulou_process_vm *next; /* exec puts it together; NULL: none */
	uint32_t traps; /* since exec, until it has a space: */
	struct patch_space *patch; /* of the VM: its patched call sites (trap/patch.h); NULL: none yet */
	struct image_set *images; /* what of its VM may be kept (image/image.h); NULL: nothing. A vfork child has none */
	struct lock actions_lock; /* actions, and that the kernel's agree with them; its threads change them at once */
	struct signal_action actions[SIGNAL_COUNT + 1]; /* [signo]: as the guest set them */
	uint64_t actions_known; /* bits: where `actions` says it; of the others only the kernel knows whether they are ignored */
	struct lock filters_lock;
	struct seccomp_filter *filters; /* the guest's own, of all threads (seccomp/filters.h) */
	struct program_start layout; /* where the program's parts lie */
	struct limits limits;
	struct attributes attributes;
	size_t resident_peak; /* bytes: the most that was seen (procfs.h); nobody counts in between */
	struct outside outside[OUTSIDE_COUNT];
	char exe[PROCESS_PATH]; /* /proc/self/exe: resolved; the last, since it is not zeroed */
};

_Static_assert(sizeof(struct process) <= PROCESS_SLOT, "process slot");

/* A LIVE slot without VM and task, or NULL. `creator`: the calling task's token; 0: the launcher. */
struct process *process_claim(uint32_t creator);
/* Take back everything that a dead (or never started) process owned, and free its slot, if its tag is still `tag`. Whoever calls
 * first does it. */
void process_reclaim(struct process *process, uint64_t tag);
/* From LIVE to GONE, by its last task; false if somebody has been there. */
bool process_leave(struct process *process);
/* Give back its memory; the caller is the last task of it. */
void process_give_back(struct process *process);
/* Slot by number, NULL when never used; process_slots() bounds the numbers. */
struct process *process_at(unsigned slot);
unsigned process_slots(void);
/* Where slot number `slot` lies, in every instance, and the number of slots. */
struct process *process_place(unsigned slot);
uintptr_t process_slots_place(void);
/* Number of slots that are LIVE or GONE. */
unsigned process_count(void);
/* The task that answers for the slot is dead. */
bool process_is_orphan(uint64_t tag);
/* After a fork by copy: only `keep` is left. */
void process_forget_others(struct process *keep);

static inline uint64_t process_tag(const struct process *process)
{
	return __atomic_load_n(&process->tag, __ATOMIC_ACQUIRE);
}

static inline enum process_state tag_state(uint64_t tag)
{
	return (enum process_state)(tag & 0xff);
}

static inline uint32_t tag_generation(uint64_t tag)
{
	return (uint32_t)tag >> 8;
}

/* A process is in the slot, alive or not. */
static inline bool tag_is_taken(uint64_t tag)
{
	return tag_state(tag) == PROCESS_LIVE || tag_state(tag) == PROCESS_GONE;
}

static inline enum process_state process_state(const struct process *process)
{
	return tag_state(process_tag(process));
}

/* The guest with this pid, or NULL. */
struct process *process_find(int pid);
/* Is it one of ours, alive? */
bool process_is_guest(int pid);
/* Could any task of it still run? */
bool process_alive(const struct process *process);

#endif

/* SPDX-License-Identifier: MIT */
#include "runtime/process/process.h"

#include <asm-generic/errno-base.h>

#include "base/mem.h"
#include "runtime/arena.h"
#include "runtime/image/image.h"
#include "runtime/layout.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/patch.h"

static struct arena process_arena = {.base = PROCESSES_BASE, .size = PROCESS_COUNT * PROCESS_SLOT};
static uint32_t slots_used; /* slots that were ever claimed; only grows; atomic */

unsigned process_slots(void)
{
	return __atomic_load_n(&slots_used, __ATOMIC_ACQUIRE);
}

uintptr_t process_slots_place(void)
{
	return (uintptr_t)&slots_used;
}

struct process *process_place(unsigned slot)
{
	return (struct process *)(PROCESSES_BASE + slot * PROCESS_SLOT);
}

/* Counted each time: a counter beside the tags would be wrong for ever when a task dies between the two. */
unsigned process_count(void)
{
	unsigned used = process_slots(), count = 0;

	for (unsigned slot = 0; slot < used; slot++)
		count += tag_is_taken(process_tag(process_place(slot)));
	return count;
}

struct process *process_at(unsigned slot)
{
	return slot < process_slots() ? process_place(slot) : NULL;
}

static uint64_t tag_make(uint32_t task, uint32_t generation, enum process_state state)
{
	return (uint64_t)task << 32 | (uint32_t)(generation << 8) | state;
}

static bool tag_swap(struct process *process, uint64_t *seen, uint64_t tag)
{
	return __atomic_compare_exchange_n(&process->tag, seen, tag, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* `tag`: what its tag is, as far as the caller knows. */
static bool slot_try(unsigned slot, uint64_t tag, uint32_t creator)
{
	return tag_state(tag) == PROCESS_FREE &&
	       tag_swap(process_place(slot), &tag, tag_make(creator, tag_generation(tag) + 1, PROCESS_CLAIMED));
}

/* A free slot below slots_used, or the next above it. */
static int slot_claim(uint32_t creator)
{
	unsigned used = process_slots();

	for (unsigned slot = 0; slot < used; slot++)
		if (slot_try(slot, process_tag(process_place(slot)), creator))
			return (int)slot;
	for (; used < PROCESS_COUNT; used++) {
		if (arena_reach(&process_arena, (used + 1) * PROCESS_SLOT) < 0)
			return -1;
		if (slot_try(used, 0, creator)) { /* not read first: a fresh page is faulted in once */
			uint32_t seen = process_slots();
			while (seen <= used && !__atomic_compare_exchange_n(
						       &slots_used, &seen, used + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
				;
			return (int)used;
		}
	}
	return -1;
}

struct process *process_claim(uint32_t creator)
{
	int slot = slot_claim(creator);
	struct process *process;

	if (slot < 0)
		return NULL;
	process = process_place((unsigned)slot);
	memset((char *)process + sizeof process->tag, 0, offsetof(struct process, exe) - sizeof process->tag);
	process->exe[0] = 0;
	process->word = WORD_STARTING;
	__atomic_store_n(&process->tag, tag_make(creator, tag_generation(process->tag), PROCESS_LIVE), __ATOMIC_RELEASE);
	return process;
}

bool process_leave(struct process *process)
{
	uint64_t tag = process_tag(process);

	return tag_state(tag) == PROCESS_LIVE &&
	       tag_swap(process, &tag, tag_make((uint32_t)(tag >> 32), tag_generation(tag), PROCESS_GONE));
}

void process_give_back(struct process *process)
{
	patch_drop(process);
	filters_drop(process);
	images_drop(__atomic_exchange_n(&process->images, NULL, __ATOMIC_ACQ_REL));
	attributes_drop(process);
	outside_drop(process);
	tulou_process_vm_drop(&process->next);
	tulou_process_vm_drop(&process->vm);
}

/* First what its tasks left half done: it says what the slot has. */
void process_reclaim(struct process *process, uint64_t tag)
{
	uint64_t mine = tag_make(thread_current()->state, tag_generation(tag), PROCESS_RECLAIM);

	if (tag_state(tag) == PROCESS_FREE || !tag_swap(process, &tag, mine))
		return;
	tulou_reap(runtime.pool);
	thread_release_all(process, NULL);
	process_give_back(process);
	__atomic_store_n(&process->tag, tag_make(0, tag_generation(tag), PROCESS_FREE), __ATOMIC_RELEASE);
}

bool process_alive(const struct process *process)
{
	if (!tag_is_taken(process_tag(process)))
		return false;
	if (__atomic_load_n(&process->word, __ATOMIC_ACQUIRE))
		return true;
	return process->leader_exited && sys2(__NR_kill, process->pid, 0) != -ESRCH;
}

bool process_is_orphan(uint64_t tag)
{
	return tag_state(tag) != PROCESS_FREE && tag >> 32 && !thread_token_alive((uint32_t)(tag >> 32));
}

struct process *process_find(int pid)
{
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (process_state(process_place(slot)) == PROCESS_LIVE && process_place(slot)->pid == pid)
			return process_place(slot);
	return NULL;
}

bool process_is_guest(int pid)
{
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (process_place(slot)->pid == pid && process_alive(process_place(slot)))
			return true;
	return false;
}

void process_forget_others(struct process *keep)
{
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (process_place(slot) != keep) {
			outside_drop(process_place(slot));
			filters_drop(process_place(slot));
			uint64_t tag = process_tag(process_place(slot));
			if (tag_state(tag) != PROCESS_FREE) /* not written, the page is not copied */
				process_place(slot)->tag = tag_make(0, tag_generation(tag), PROCESS_FREE);
		}
}

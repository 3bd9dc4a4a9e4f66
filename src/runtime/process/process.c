/* SPDX-License-Identifier: MIT */
#include "runtime/process/process.h"

#include <asm-generic/errno-base.h>

#include "base/mem.h"
#include "runtime/arena.h"
#include "runtime/image/image.h"
#include "runtime/layout.h"
#include "runtime/trap/patch.h"

static struct arena process_arena = {.base = PROCESSES_BASE, .size = PROCESS_COUNT * PROCESS_SLOT};
static uint32_t slots_used; /* slots that were ever claimed; only grows; atomic */

unsigned process_slots(void)
{
	return __atomic_load_n(&slots_used, __ATOMIC_ACQUIRE);
}

static struct process *slot_at(unsigned slot)
{
	return (struct process *)(PROCESSES_BASE + slot * PROCESS_SLOT);
}

/* Counted each time: a counter beside the states would be wrong for ever when a task dies between the two. */
unsigned process_count(void)
{
	unsigned used = process_slots(), count = 0;

	for (unsigned slot = 0; slot < used; slot++) {
		uint32_t state = process_state(slot_at(slot));
		count += state == PROCESS_LIVE || state == PROCESS_GONE;
	}
	return count;
}

struct process *process_at(unsigned slot)
{
	return slot < process_slots() ? slot_at(slot) : NULL;
}

static bool slot_try(unsigned slot)
{
	uint32_t free = PROCESS_FREE;
	return __atomic_compare_exchange_n(
		&slot_at(slot)->state, &free, PROCESS_RECLAIM, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* A free slot below slots_used, or the next above it. Held in state RECLAIM, which nobody touches. */
static int slot_claim(void)
{
	unsigned used = process_slots();

	for (unsigned slot = 0; slot < used; slot++)
		if (slot_try(slot))
			return (int)slot;
	for (; used < PROCESS_COUNT; used++) {
		if (arena_reach(&process_arena, (used + 1) * PROCESS_SLOT) < 0)
			return -1;
		if (slot_try(used)) {
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
	int slot = slot_claim();
	struct process *process;
	uint32_t generation;

	if (slot < 0)
		return NULL;
	process = slot_at((unsigned)slot);
	generation = process->generation + 1;
	memset((char *)process + sizeof process->state, 0, sizeof *process - sizeof process->state);
	__atomic_store_n(&process->generation, generation, __ATOMIC_RELEASE);
	__atomic_store_n(&process->word, WORD_STARTING, __ATOMIC_RELEASE);
	process->creator = creator;
	__atomic_store_n(&process->state, PROCESS_LIVE, __ATOMIC_RELEASE);
	return process;
}

void process_give_back(struct process *process)
{
	struct tulou_process_vm *vm = __atomic_exchange_n(&process->vm, NULL, __ATOMIC_ACQ_REL);

	patch_drop(process);
	images_drop(__atomic_exchange_n(&process->images, NULL, __ATOMIC_ACQ_REL));
	attributes_drop(process);
	outside_drop(process);
	if (vm)
		tulou_process_vm_unref(vm);
}

void process_reclaim(struct process *process)
{
	uint32_t state = process_state(process);

	do {
		if (state != PROCESS_LIVE && state != PROCESS_GONE)
			return;
	} while (!__atomic_compare_exchange_n(
		&process->state, &state, PROCESS_RECLAIM, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	thread_release_all(process, NULL);
	process_give_back(process);
	tulou_reap(runtime.pool);
	__atomic_store_n(&process->state, PROCESS_FREE, __ATOMIC_RELEASE);
}

bool process_alive(const struct process *process)
{
	uint32_t state = process_state(process);

	if (state != PROCESS_LIVE && state != PROCESS_GONE)
		return false;
	if (__atomic_load_n(&process->word, __ATOMIC_ACQUIRE))
		return true;
	return process->leader_exited && sys2(__NR_kill, process->pid, 0) != -ESRCH;
}

bool process_is_unborn(const struct process *process)
{
	uint32_t state = process_state(process);

	if (state != PROCESS_LIVE && state != PROCESS_GONE)
		return false;
	return !__atomic_load_n(&process->complete, __ATOMIC_ACQUIRE) && process->creator &&
	       !thread_token_alive(process->creator);
}

bool process_is_guest(int pid)
{
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (slot_at(slot)->pid == pid && process_alive(slot_at(slot)))
			return true;
	return false;
}

void process_forget_others(struct process *keep)
{
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (slot_at(slot) != keep) {
			outside_drop(slot_at(slot));
			slot_at(slot)->state = PROCESS_FREE;
		}
}

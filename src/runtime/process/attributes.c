/* SPDX-License-Identifier: MIT */
#include <asm-generic/errno-base.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <tulou/inspect.h>

#include "runtime/process/attributes.h"
#include "runtime/process/process.h"
#include "runtime/trap/trap.h"

enum { DUMPABLE = 1, THP_DISABLED = 1, THP_FLAGS = 0xfe, UNKNOWN = 0xff };

struct attributes attributes_initial = {.dumpable = DUMPABLE};
/* What the kernel was told last. Written by whoever applies; a fork copies it with what it says. */
static struct attributes applied = {.dumpable = DUMPABLE};

static long prctl_get(int option)
{
	long value = sys5(__NR_prctl, option, 0, 0, 0, 0);
	return value < 0 ? 0 : value;
}

void attributes_begin(void)
{
	attributes_initial.dumpable = (uint8_t)prctl_get(PR_GET_DUMPABLE);
	attributes_initial.thp_disabled = (uint8_t)prctl_get(PR_GET_THP_DISABLE);
	attributes_initial.memory_merge = (uint8_t)prctl_get(PR_GET_MEMORY_MERGE);
	applied = attributes_initial;
}

/* The strictest of all. */
static struct attributes wanted(void)
{
	struct attributes all = {.dumpable = DUMPABLE};
	unsigned flags = THP_FLAGS;

	for (unsigned slot = 0; slot < process_slots(); slot++) {
		const struct process *process = process_at(slot);
		const struct attributes *own = &process->attributes;

		if (process_state(process) != PROCESS_LIVE)
			continue;
		if (own->dumpable != DUMPABLE)
			all.dumpable = 0;
		if (own->thp_disabled)
			flags &= own->thp_disabled;
		all.thp_disabled |= own->thp_disabled & THP_DISABLED;
		all.memory_merge |= own->memory_merge;
	}
	if (all.thp_disabled)
		all.thp_disabled |= (uint8_t)flags;
	return all;
}

void attributes_apply(void)
{
	struct attributes all;

	do { /* again when somebody else changed his mind meanwhile */
		all = wanted();
		if (all.dumpable != applied.dumpable)
			sys5(__NR_prctl, PR_SET_DUMPABLE, all.dumpable, 0, 0, 0);
		if (all.thp_disabled != applied.thp_disabled)
			sys5(__NR_prctl, PR_SET_THP_DISABLE, all.thp_disabled & THP_DISABLED, all.thp_disabled & THP_FLAGS, 0, 0);
		if (all.memory_merge != applied.memory_merge)
			sys5(__NR_prctl, PR_SET_MEMORY_MERGE, all.memory_merge, 0, 0, 0);
		applied = all;
		all = wanted();
	} while (all.dumpable != applied.dumpable || all.thp_disabled != applied.thp_disabled ||
		 all.memory_merge != applied.memory_merge);
}

void attributes_apply_again(void)
{
	applied.thp_disabled = applied.memory_merge = UNKNOWN;
	attributes_apply();
}

struct attributes attributes_inherited(const struct attributes *parent, bool copied)
{
	struct attributes child = *parent;

	child.timers = child.death_bound = false;
	child.parent_death = 0;
	if (copied && child.mdwe & PR_MDWE_NO_INHERIT)
		child.mdwe = 0;
	return child;
}

void attributes_exec(struct process *process)
{
	struct attributes *own = &process->attributes;

	own->membarrier = 0;
	if (own->mdwe & PR_MDWE_NO_INHERIT)
		own->mdwe = 0;
	if (own->dumpable == DUMPABLE)
		return;
	own->dumpable = DUMPABLE;
	attributes_apply();
}

void attributes_drop(struct process *process)
{
	struct attributes *own = &process->attributes;
	bool wants = own->dumpable != DUMPABLE || own->thp_disabled || own->memory_merge;

	own->dumpable = DUMPABLE;
	own->thp_disabled = 0;
	own->memory_merge = 0;
	if (wants)
		attributes_apply();
}

/* ---- memory-deny-write-execute -------------------------------------------------------------------------------------------------- */

bool attributes_refuse_mapping(const struct process *process, int prot)
{
	return process->attributes.mdwe && (prot & TULOU_PROT_EXEC) && (prot & TULOU_PROT_WRITE);
}

bool attributes_refuse_change(const struct process *process, uintptr_t start, uintptr_t *end, int prot)
{
	struct tulou_area_info area;

	if (!process->attributes.mdwe || !(prot & TULOU_PROT_EXEC))
		return false;
	for (uintptr_t at = start; at < *end && tulou_find_area(process->vm, at, &area) && area.start <= at; at = area.end)
		if (prot & TULOU_PROT_WRITE || !(area.prot & TULOU_PROT_EXEC)) {
			*end = at;
			return true;
		}
	return false;
}

/* ---- membarrier: registrations are the address space's ------------------------------------------------------------------------------ */

long trap_membarrier(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct attributes *own = &thread->process->attributes;
	int command = (int)r->rdi;
	long result = sys3(__NR_membarrier, command, (long)r->rsi, (long)r->rdx);

	if (result < 0)
		return result;
	if (command == MEMBARRIER_GET_REGISTRATIONS)
		return own->membarrier;
	own->membarrier |= (uint32_t)command;
	return result;
}

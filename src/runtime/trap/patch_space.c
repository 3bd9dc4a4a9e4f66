/* SPDX-License-Identifier: MIT */
#include "runtime/trap/patch_space.h"

#include "base/mem.h"
#include "runtime/arena.h"
#include "runtime/layout.h"

enum { SPACES_MAX = PROCESS_COUNT };

static struct arena arena = {.base = PATCHES_BASE, .size = SPACES_MAX * TULOU_PAGE_SIZE};
static uint32_t spaces_used; /* slots that were ever claimed; only grows; atomic */

static struct patch_space *space_at(unsigned slot)
{
	return (struct patch_space *)(PATCHES_BASE + slot * TULOU_PAGE_SIZE);
}

/* The lowest free slot. */
struct patch_space *patch_space_claim(void)
{
	for (unsigned slot = 0; slot < SPACES_MAX; slot++) {
		struct patch_space *space = space_at(slot);
		uint32_t free = 0, used = __atomic_load_n(&spaces_used, __ATOMIC_ACQUIRE);

		if (arena_reach(&arena, (slot + 1) * TULOU_PAGE_SIZE) < 0)
			return NULL;
		if (!__atomic_compare_exchange_n(&space->references, &free, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		while (used <= slot &&
			!__atomic_compare_exchange_n(&spaces_used, &used, slot + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			;
		memset((char *)space + sizeof space->references, 0, sizeof *space - sizeof space->references);
		return space;
	}
	return NULL;
}

static void space_unref(struct patch_space *space)
{
	__atomic_sub_fetch(&space->references, 1, __ATOMIC_ACQ_REL);
}

struct patch_space *patch_space_of(struct process *process)
{
	struct patch_space *space = __atomic_load_n(&process->patch, __ATOMIC_ACQUIRE), *none = NULL;

	if (space)
		return space;
	space = patch_space_claim();
	if (!space || __atomic_compare_exchange_n(&process->patch, &none, space, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return space;
	space_unref(space);
	return none;
}

bool patch_space_is_mine(const struct patch_space *space)
{
	return __atomic_load_n(&space->lock, __ATOMIC_RELAXED) == thread_current()->state;
}

bool patch_space_try_lock(struct patch_space *space)
{
	uint32_t self = thread_current()->state, owner = 0;

	if (__atomic_compare_exchange_n(&space->lock, &owner, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return true;
	/* A vfork child that was killed: what it was doing is one site, done or not. */
	return !thread_token_alive(owner) &&
	       __atomic_compare_exchange_n(&space->lock, &owner, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void patch_space_lock(struct patch_space *space)
{
	while (!patch_space_try_lock(space))
		sys0(__NR_sched_yield);
}

void patch_space_unlock(struct patch_space *space)
{
	__atomic_store_n(&space->lock, 0, __ATOMIC_RELEASE);
}

struct patch_site *patch_site_of(struct patch_space *space, uint64_t at)
{
	unsigned first = (unsigned)((at >> 1) * 2654435761u % SITES_MAX);

	for (unsigned i = 0; i < SITES_MAX; i++) {
		struct patch_site *site = &space->sites[(first + i) % SITES_MAX];
		if (site->at == at)
			return site;
		if (!site->at) {
			site->at = at;
			return site;
		}
	}
	return NULL;
}

/* ---- whose ---------------------------------------------------------------------------------------------------------------------- */

void patch_share(struct process *parent, struct process *child)
{
	struct patch_space *space = runtime.patch ? patch_space_of(parent) : NULL;

	if (space)
		__atomic_add_fetch(&space->references, 1, __ATOMIC_ACQ_REL);
	child->patch = space;
}

void patch_space_drop(struct patch_space *space)
{
	space_unref(space);
}

void patch_drop(struct process *process)
{
	struct patch_space *space = __atomic_exchange_n(&process->patch, NULL, __ATOMIC_ACQ_REL);

	process->traps = 0;
	if (space)
		space_unref(space);
}

void patch_forget_others(struct process *keep)
{
	for (unsigned slot = 0; slot < spaces_used; slot++)
		if (space_at(slot) != keep->patch && space_at(slot)->references) /* not written, the page is not copied */
			space_at(slot)->references = 0;
	if (keep->patch) {
		keep->patch->references = 1;
		keep->patch->lock = 0;
	}
}

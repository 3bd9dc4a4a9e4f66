/* SPDX-License-Identifier: MIT */
/*
 * access_ok.c - may the caller touch this guest memory? The pages must have host pages behind them and at least `prot`.
 *
 * Mostly nothing changes while one looks, and no lock is needed: what was read is right if the map's version is still the same.
 */
#include "calls.h"
#include "../step_peek.h"

enum look { LOOK_NO, LOOK_YES, LOOK_AGAIN };

enum { TRIES = 4 };

static bool content_allows(struct area_content is, int prot)
{
	return content_has_pages(&is) && perms_allow(is.prot, prot);
}

static inline enum look look_without_lock(const struct tulou_process_vm *vm, struct range range, int prot)
{
	uint64_t version = step_peek_begin(&vm->map), end = page_number(page_up(range.end));
	struct step_tile tile = {.end = page_number(range.start)};
	bool ok;

	do {
		if (unlikely(!step_peek(&vm->map, tile.end, version, &tile)))
			return LOOK_AGAIN;
		ok = tile.value >= STEP_AREA && content_allows(content_peek(&vm->contents, tile.value), prot);
	} while (ok && unlikely(tile.end < end));
	if (unlikely(!step_peek_holds(&vm->map, version)))
		return LOOK_AGAIN;
	return ok ? LOOK_YES : LOOK_NO;
}

/* What is idle in a nook is none of the process's. A recall of it meanwhile has changed the map. */
static bool __attribute__((noinline)) look_past_nooks(const struct tulou_process_vm *vm, struct range range, int prot)
{
	uint64_t version = step_peek_begin(&vm->map);

	return look_without_lock(vm, range, prot) == LOOK_YES && !nooks_hide(process_vm_nooks(vm), range) &&
	       step_peek_holds(&vm->map, version);
}

/* Where others change the map all the time, or a mapping may have grown, or blocks are kept. */
static bool look_locked(struct tulou_process_vm *vm, struct range range, int prot)
{
	enum look look;

	if (vm_enter(vm, range))
		return false;
	look = look_without_lock(vm, range, prot);
	process_vm_leave(vm, range_between(0, 0));
	return look == LOOK_YES;
}

bool tulou_access_ok(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot)
{
	struct range range;

	if (!range_make(&range, addr, size) || range.end > USER_END)
		return false;
	if (range_is_empty(range))
		return true;
	if (likely(!__atomic_load_n(&vm->resident.count, __ATOMIC_RELAXED)))
		for (int tries = 0; tries < TRIES; tries++)
			if (likely(look_without_lock(vm, range, prot) == LOOK_YES))
				if (likely(!process_vm_nooks(vm)) || look_past_nooks(vm, range, prot))
					return true;
	return look_locked(vm, range, prot);
}

/* SPDX-License-Identifier: MIT */
/*
 * mprotect.c - mprotect(2).
 *
 *     areas    AAAABBBB  CCCC       a hole, or perms that an area must not have, end the call with an error; what lies before
 *     range      [          )       is changed all the same, as Linux does
 *     changed    ######             one host call for all of it
 */
#include "calls.h"

struct decoded {
	struct range range;
	int prot;
	bool down; /* PROT_GROWSDOWN: from the start of a stack's area */
	bool up; /* PROT_GROWSUP: no area on x86-64 grows upwards */
};

/* The order of the errors is that of do_mprotect_pkey(). 1: nothing to do. */
static int decode(struct decoded *d, uintptr_t addr, size_t size, int prot)
{
	int grows = prot & (TULOU_PROT_GROWSDOWN | TULOU_PROT_GROWSUP);

	if (grows == (TULOU_PROT_GROWSDOWN | TULOU_PROT_GROWSUP) || !page_is_aligned(addr))
		return -TULOU_EINVAL;
	if (!size)
		return 1;
	size = page_up(size);
	if (!range_make(&d->range, addr, size) || !size)
		return -TULOU_ENOMEM;
	if (!perms_are_known(prot & ~grows))
		return -TULOU_EINVAL;
	d->prot = perms_of(prot);
	d->down = grows == TULOU_PROT_GROWSDOWN;
	d->up = grows == TULOU_PROT_GROWSUP;
	return 0;
}

static bool area_grows_down(const struct area *area)
{
	return area->content.kind == TULOU_AREA_STACK || (area->content.flags & TULOU_MAP_GROWSDOWN);
}

static bool content_may_have(const struct area_content *content, int prot)
{
	return !content->object || perms_allow(content->object->max_prot, prot);
}

/* Memory that becomes writable is committed, even if it was mapped without reserve: a part of a reservation is taken into use. */
static struct area_change change_to(int prot)
{
	return (struct area_change){.clear_writable = TULOU_MAP_NORESERVE, .prot = prot};
}

/* What the limits do not count now, but will. */
static void new_usage(struct usage *more, const struct area_content *content, size_t size, int prot)
{
	struct area_content changed = area_content_changed(*content, change_to(prot));
	struct usage before = usage_of(content, size), after = usage_of(&changed, size);

	more->data += after.data > before.data ? after.data - before.data : 0;
	more->committed += after.committed > before.committed ? after.committed - before.committed : 0;
}

/* How much of the range can be changed, and why not more. Only what becomes writable counts as more than before. */
static int reach(struct tulou_process_vm *vm, struct range range, int prot, uintptr_t *end)
{
	struct usage more = {0};
	struct step_tile tile;

	*end = range.start;
	while (*end < range.end) {
		const struct area_content *content;

		if (!step_area_above(&vm->map, page_number(*end), &tile) || page_address(tile.page) > *end)
			return -TULOU_ENOMEM;
		content = &content_known(&vm->contents, tile.value)->is;
		if (!content_has_pages(content))
			return -TULOU_ENOMEM;
		if (!content_may_have(content, prot))
			return -TULOU_EACCES;
		if (content->flags & AREA_SEALED)
			return -TULOU_EPERM;
		if (area_content_gains_write(content, prot)) {
			new_usage(&more, content, range_size(range_cut(tile_range(&tile), range)), prot);
			if (process_vm_may_have(vm, vm->usage, more))
				return -TULOU_ENOMEM;
		}
		*end = size_min(page_address(tile.end), range.end);
	}
	return 0;
}

/* The host may have changed pages before the one that refused: say again what each area has. What the host answers does not
 * matter, since it had allowed the same before. */
static void protect_again(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	struct area area;

	while (range.start < range.end && process_vm_area_above(vm, range.start, &area)) {
		struct range part = range_cut(area.range, range);

		host->protect(host->ctx, part.start, range_size(part), area.content.prot);
		range.start = part.end;
	}
}

/* Where there is an area that does not grow as the caller says: EINVAL. */
static int grow_start(struct tulou_process_vm *vm, struct decoded *d)
{
	struct area area;

	if (!growth_area_above(vm, d->range.start, &area) || area.range.start >= d->range.end ||
		(d->up && area.range.start > d->range.start))
		return -TULOU_ENOMEM;
	if (d->up || !area_grows_down(&area))
		return -TULOU_EINVAL;
	d->range.start = process_vm_mapping_start(vm, &area);
	return 0;
}

/* An area that the host knows to be forbidden, a sealed memfd say: as Linux, what lies before it is changed. */
static int protect_before(struct tulou_process_vm *vm, struct range range, int prot)
{
	const struct tulou_host *host = vm->pool->host;
	struct area area;

	while (range.start < range.end && process_vm_area_above(vm, range.start, &area)) {
		struct range part = range_cut(area.range, range);
		int error = host->protect(host->ctx, part.start, range_size(part), prot);

		if (error) {
			protect_again(vm, part);
			return error;
		}
		process_vm_change(vm, part, change_to(prot));
		range.start = part.end;
	}
	return 0;
}

static long commit(struct tulou_process_vm *vm, struct decoded *d)
{
	const struct tulou_host *host = vm->pool->host;
	uintptr_t end;
	int error, stop;

	if (d->down || d->up) {
		error = grow_start(vm, d);
		if (error)
			return error;
	}
	if (vm_cuts_huge(vm, d->range))
		return -TULOU_EINVAL;
	stop = reach(vm, d->range, d->prot, &end);
	if (end > d->range.start) {
		error = process_vm_may_change(vm, range_between(d->range.start, end));
		if (error)
			return error;
		process_vm_announce(vm, 0, d->range);
		error = host->protect(host->ctx, d->range.start, end - d->range.start, d->prot);
		if (error) {
			protect_again(vm, range_between(d->range.start, end));
			return error == -TULOU_EACCES ? protect_before(vm, range_between(d->range.start, end), d->prot) : error;
		}
		process_vm_change(vm, range_between(d->range.start, end), change_to(d->prot));
	}
	return stop;
}

long tulou_mprotect(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot)
{
	struct decoded d;
	long result = decode(&d, addr, size, prot);

	if (result)
		return result > 0 ? 0 : result;
	result = vm_enter(vm, d.range);
	if (result)
		return result;
	result = commit(vm, &d);
	process_vm_leave(vm, d.range);
	return result;
}

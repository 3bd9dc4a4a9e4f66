/* SPDX-License-Identifier: MIT */
/*
 * mremap.c - mremap(2).
 *
 *     shrink     AAAAAA → AAA            munmap of the rest
 *     in place   AAA... → AAAAAA         the space behind is taken (extend.c), host->grow
 *     move       AAA    →     AAAAAA     a place is booked (anywhere, or fixed), host->move, then the old range leaves the books
 *
 * Several mappings move to a fixed place in one call where the host's mremap does (host->moves_many).
 * One mapping may be several area records, where it crosses chunks. Where the part that a shrinking move drops lies in other
 * mappings and the host refuses to take it back, the move has been made all the same and the host's error is told.
 * old_size 0 moves nothing: a shared mapping is shown once more, a second view.
 */
#include "calls.h"

struct request {
	struct range old;
	size_t new_size;
	uintptr_t new_addr;
	bool may_move, fixed, keep;
};

/* Linux 6.17 check_mremap_params(): all of it is EINVAL. */
static int decode(struct request *r, uintptr_t old_addr, size_t old_size, size_t new_size, int flags, uintptr_t new_addr)
{
	struct range new;
	bool overlap;

	*r = (struct request){
		.new_size = page_up(new_size),
		.new_addr = new_addr,
		.may_move = flags & TULOU_MREMAP_MAYMOVE,
		.fixed = flags & TULOU_MREMAP_FIXED,
		.keep = flags & TULOU_MREMAP_DONTUNMAP,
	};
	old_size = page_up(old_size);
	if (flags & ~(TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED | TULOU_MREMAP_DONTUNMAP))
		return -TULOU_EINVAL;
	if (!page_is_aligned(old_addr) || !r->new_size || r->new_size > USER_END)
		return -TULOU_EINVAL;
	/* What wraps ends where no mapping can: EFAULT, or EINVAL when it is to be cut off. */
	if (!range_make(&r->old, old_addr, old_size))
		r->old.end = align_down(UINTPTR_MAX, PAGE_SIZE);
	if ((r->fixed || r->keep) && !r->may_move)
		return -TULOU_EINVAL;
	if (r->keep && old_size != r->new_size)
		return -TULOU_EINVAL;
	if (!r->fixed && !r->keep)
		return 0;
	if (!page_is_aligned(new_addr) || !range_make(&new, new_addr, r->new_size) || new.end > USER_END)
		return -TULOU_EINVAL;
	/* In the kernel's own arithmetic, which wraps. */
	overlap = old_addr + old_size > new.start &&new.end > old_addr;
	return overlap ? -TULOU_EINVAL : 0;
}

/* What the pages that are added or moved say: a heap ends at its break, so whatever leaves it is a mapping like others. */
static struct area_content content_of(const struct area *area, uintptr_t addr)
{
	struct area_content content = area_content_at(area->content, addr - area->range.start);

	content.kind = TULOU_AREA_MMAP;
	return content;
}

/* False: not possible. A host that refuses may still be able to move. */
static bool grow_in_place(struct tulou_process_vm *vm, struct request *r, int *error)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content;
	struct area last;
	struct range more;
	bool grown = false;

	if (!process_vm_area_above(vm, r->old.end - 1, &last) || !range_make(&more, r->old.end, r->new_size - range_size(r->old)))
		return false;
	content = content_of(&last, last.range.end);
	process_vm_announce(vm, 0, more);
	if (vm_extend(vm, more, content)) {
		process_vm_announce(vm, 0, more);
		*error = host->grow(host->ctx, r->old.start, range_size(r->old), r->new_size);
		if (*error)
			process_vm_remove(vm, more);
		grown = !*error || !r->may_move;
	}
	growth_settle(vm, more);
	return grown;
}

/* Where to: booked when it returns 0. */
static int reserve(struct tulou_process_vm *vm, const struct request *r, struct area_content content, struct range *new)
{
	const struct tulou *pool = vm->pool;
	int error;

	*new = range_between(r->new_addr, r->new_addr + r->new_size);
	if (r->fixed) {
		if (new->start < pool->range.start)
			return -TULOU_EPERM;
		return new->end > pool->range.end ? -TULOU_ENOMEM : place_around(vm, *new);
	}
	if (r->keep && r->new_addr && range_covers(pool->range, *new) && !place_fixed(vm, *new, content))
		return 0;
	error = growth_place(vm, r->new_size, area_content_page_size(&content), pool->range, &content, &new->start);
	new->end = new->start + r->new_size;
	return error;
}

/* What grows must not be where it would grow into what is not its own. */
static int reserve_room(struct tulou_process_vm *vm, struct area_content content, struct range new)
{
	if (likely(!(content.flags & TULOU_MAP_GROWSDOWN)) || !vm->pool->host->grown)
		return 0;
	return growth_book(vm, new) && process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
}

/* `range` is the mapping that was there; a fixed target may have cut it, and stays locked. */
static void unlock_kept(
	struct tulou_process_vm *vm, struct range range, struct range old, struct range target, enum tulou_lock how)
{
	const struct tulou_host *host = vm->pool->host;

	if (target.start >= old.end && target.start < range.end)
		range.end = target.start;
	if (target.end <= old.start && target.end > range.start)
		range.start = target.end;
	if (host->lock) {
		host->lock(host->ctx, range.start, range_size(range), TULOU_LOCK_OFF); /* Linux has done it already */
		if (target.start == range.end || target.end == range.start) /* and to the target too, if it made one of them */
			host->lock(host->ctx, target.start, range_size(target), how);
	}
	process_vm_change(vm, range, (struct area_change){.clear = AREA_LOCK_MASK, .prot = -1});
}

static struct range new_range(const struct request *r)
{
	return range_between(r->new_addr, r->new_addr + r->new_size);
}

static long move(struct tulou_process_vm *vm, const struct request *r, const struct area *area)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content = content_of(area, r->old.start);
	struct range whole = area->range, new;
	int error;

	if (r->keep)
		whole = range_between(process_vm_mapping_start(vm, area), process_vm_mapping_end(vm, area));
	if (unlikely(content.flags & TULOU_MAP_GROWSDOWN) || (r->fixed && growth_concerns(vm, new_range(r)))) {
		error = nooks_recall(vm, vm->pool->range);
		if (error)
			return error;
	}
	process_vm_announce(vm, 0, r->old);
	process_vm_announce(vm, 1, vm->pool->range); /* until the place is known */
	error = reserve(vm, r, content, &new);
	if (error)
		return error;
	error = reserve_room(vm, content, new);
	process_vm_announce(vm, 1, new);
	if (!error)
		error = host->move(host->ctx, r->old.start, range_size(r->old), new.start, r->new_size, r->keep);
	if (error) {
		if (r->fixed)
			process_vm_remove_pending(vm, new);
		else
			process_vm_remove(vm, new);
		growth_settle(vm, new);
		return error;
	}
	if (r->fixed)
		process_vm_replace(vm, new, content);
	if (!r->keep)
		growth_remove(vm, r->old);
	else if (content.flags & AREA_LOCK_MASK) /* as Linux: what stays is not locked, nor is the rest of that mapping */
		unlock_kept(vm, whole, r->old, new, area_lock_of(&content));
	growth_settle(vm, r->old);
	growth_settle(vm, new);
	return (long)new.start;
}

/* Linux: what a shrinking move takes away may lie in other mappings, what it keeps may not. */
static long move_first_part(struct tulou_process_vm *vm, struct request *r, const struct area *area)
{
	struct range rest = range_between(r->old.start + r->new_size, r->old.end);
	long result;
	int error;

	if (rest.end > USER_END)
		return -TULOU_EINVAL;
	if (vm_has_seal(vm, rest))
		return -TULOU_EPERM;
	r->old.end = rest.start;
	result = move(vm, r, area);
	error = result < 0 ? 0 : vm_unmap(vm, rest);
	return error ? error : result;
}

static bool target_is_sealed(struct tulou_process_vm *vm, const struct request *r)
{
	return r->fixed && vm_has_seal(vm, new_range(r));
}

/* Linux: of shared mappings only, and never in place. It unmaps a fixed target first, so that the source may be gone: EFAULT. */
static long second_view(struct tulou_process_vm *vm, const struct request *r, const struct area *area)
{
	if (!(area->content.flags & TULOU_MAP_SHARED))
		return -TULOU_EINVAL;
	if (target_is_sealed(vm, r))
		return -TULOU_EPERM;
	if (r->fixed && r->new_addr == r->old.start)
		return -TULOU_EFAULT;
	return r->may_move ? move(vm, r, area) : -TULOU_ENOMEM;
}

/* What the process will have more of. */
static int check_limits(struct tulou_process_vm *vm, const struct request *r, const struct area *area)
{
	size_t old = r->keep ? 0 : range_size(r->old), more = r->new_size > old ? r->new_size - old : 0;

	return process_vm_may_have(vm, vm->usage, usage_of(&area->content, more));
}

/* Linux: whole huge pages, from one, to one, and not more of them. */
static int round_huge(struct request *r, const struct area *area)
{
	size_t page = area_content_page_size(&area->content);

	if (likely(page == PAGE_SIZE))
		return 0;
	r->new_size = align_up(r->new_size, page);
	r->old.end = r->old.start + align_up(range_size(r->old), page);
	if ((r->old.start | (r->fixed ? r->new_addr : 0)) & (page - 1))
		return -TULOU_EINVAL;
	return r->new_size > range_size(r->old) ? -TULOU_EINVAL : 0;
}

static long resize(struct tulou_process_vm *vm, struct request *r)
{
	struct area area;
	struct range rest;
	uintptr_t end;
	int error;

	if (!process_vm_area_above(vm, r->old.start, &area) || area.range.start > r->old.start || !area_has_pages(&area))
		return -TULOU_EFAULT;
	if (area.content.flags & AREA_SEALED)
		return -TULOU_EPERM;
	error = round_huge(r, &area);
	if (!error)
		error = check_limits(vm, r, &area);
	if (error)
		return error;
	if (range_is_empty(r->old))
		return second_view(vm, r, &area);
	if (!r->fixed && !r->keep && r->new_size <= range_size(r->old)) {
		rest = range_between(r->old.start + r->new_size, r->old.end);
		error = rest.end > USER_END ? -TULOU_EINVAL : vm_has_seal(vm, rest) ? -TULOU_EPERM : vm_unmap(vm, rest);
		return error ? error : (long)r->old.start;
	}
	end = process_vm_mapping_end(vm, &area);
	if (r->old.end > end && (r->new_size >= range_size(r->old) || r->old.start + r->new_size > end))
		return -TULOU_EFAULT;
	if (target_is_sealed(vm, r))
		return -TULOU_EPERM;
	if (r->old.end > end)
		return move_first_part(vm, r, &area);
	if (!r->fixed && !r->keep && r->old.end == end && grow_in_place(vm, r, &error))
		return error ? error : (long)r->old.start;
	return r->may_move ? move(vm, r, &area) : -TULOU_ENOMEM;
}

/* Linux 6.17 remap_move(): one mapping after the other, each to where it was in the range; holes move with them. When one refuses,
 * those before it have been moved. */
static long move_each(struct tulou_process_vm *vm, const struct request *r)
{
	uintptr_t at = r->old.start, by = r->new_addr - r->old.start;
	struct area area;

	while (at < r->old.end && process_vm_area_above(vm, at, &area) && area.range.start < r->old.end) {
		struct request one = *r;
		long result = 0;

		one.old = range_cut(
			range_between(area.range.start, process_vm_mapping_end(vm, &area)), range_between(at, r->old.end));
		at = one.old.end;
		one.new_addr = one.old.start + by;
		one.new_size = range_size(one.old);
		if (area_has_pages(&area))
			result = process_vm_reserve(vm) ? resize(vm, &one) : -TULOU_ENOMEM;
		if (result < 0)
			return result;
	}
	return (long)r->new_addr;
}

/* All of the target is booked before anything moves. */
static long resize_many(struct tulou_process_vm *vm, const struct request *r)
{
	long result = place_around(vm, new_range(r));

	if (result)
		return result;
	result = move_each(vm, r);
	process_vm_remove_pending(vm, new_range(r));
	growth_settle(vm, new_range(r)); /* what grows had the booked holes below it */
	return result;
}

static bool is_many(struct tulou_process_vm *vm, const struct request *r)
{
	struct area area;

	return vm->pool->host->moves_many && r->fixed && r->new_size == range_size(r->old) &&
	       process_vm_area_above(vm, r->old.start, &area) && area.range.start <= r->old.start && area_has_pages(&area) &&
	       process_vm_mapping_end(vm, &area) < r->old.end;
}

long tulou_mremap(
	struct tulou_process_vm *vm, uintptr_t old_addr, size_t old_size, size_t new_size, int flags, uintptr_t new_addr)
{
	struct request r;
	long result = decode(&r, old_addr, old_size, new_size, flags, new_addr);

	if (result)
		return result;
	result = vm_enter(vm, range_between(r.old.start, r.old.start + size_max(range_size(r.old), r.new_size)));
	if (result)
		return result;
	result = r.fixed ? growth_learn(vm, new_range(&r)) : 0;
	if (!result && r.fixed)
		result = resident_drop(vm, new_range(&r));
	if (!result)
		result = is_many(vm, &r) ? resize_many(vm, &r) : resize(vm, &r);
	process_vm_leave(vm, result < 0 ? r.old : range_between((uintptr_t)result, (uintptr_t)result + r.new_size));
	return result;
}

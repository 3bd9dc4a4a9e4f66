/* SPDX-License-Identifier: MIT */
/*
 * madvise.c - madvise(2): validated here, done by the host, stretch by stretch.
 *
 *     areas     AAAABBBB  CCCC        a hole makes the answer ENOMEM, after the rest was done; what an area refuses ends the call
 *     range       [          )        at once, as in Linux, and so does a hole when pages are to be brought in (MADV_POPULATE_*)
 *
 * Only MADV_DONTFORK stands in the books, because a copy of them (fork.c) must be without those areas. What else the host notes
 * for pages (huge or not, wiped on fork, not dumped …) is its own: it moves and grows what it keeps apart piece by piece.
 */
#include "calls.h"

/* Bits by advice, for those below 64. */
#define BIT(advice) (1ull << (advice))
#define KNOWN \
	(BIT(TULOU_MADV_NORMAL) | BIT(TULOU_MADV_RANDOM) | BIT(TULOU_MADV_SEQUENTIAL) | BIT(TULOU_MADV_WILLNEED) | \
		BIT(TULOU_MADV_DONTNEED) | BIT(TULOU_MADV_FREE) | BIT(TULOU_MADV_REMOVE) | BIT(TULOU_MADV_DONTFORK) | \
		BIT(TULOU_MADV_DOFORK) | BIT(TULOU_MADV_MERGEABLE) | BIT(TULOU_MADV_UNMERGEABLE) | BIT(TULOU_MADV_HUGEPAGE) | \
		BIT(TULOU_MADV_NOHUGEPAGE) | BIT(TULOU_MADV_DONTDUMP) | BIT(TULOU_MADV_DODUMP) | BIT(TULOU_MADV_WIPEONFORK) | \
		BIT(TULOU_MADV_KEEPONFORK) | BIT(TULOU_MADV_COLD) | BIT(TULOU_MADV_PAGEOUT) | BIT(TULOU_MADV_POPULATE_READ) | \
		BIT(TULOU_MADV_POPULATE_WRITE) | BIT(TULOU_MADV_DONTNEED_LOCKED) | BIT(TULOU_MADV_COLLAPSE))

/* Of the machine's memory, not of the process's: Linux asks for CAP_SYS_ADMIN, we for more than anybody has. */
static bool advice_is_of_machine(int advice)
{
	return advice == TULOU_MADV_HWPOISON || advice == TULOU_MADV_SOFT_OFFLINE;
}

static bool advice_is_known(int advice)
{
	if (advice >= 0 && advice < 64)
		return KNOWN & BIT(advice);
	return advice_is_of_machine(advice) || advice == TULOU_MADV_GUARD_INSTALL || advice == TULOU_MADV_GUARD_REMOVE;
}

/* The order of the errors is that of mm/madvise.c. */
static int decode(struct range *range, uintptr_t addr, size_t size, int advice)
{
	if (!advice_is_known(advice) || !page_is_aligned(addr))
		return -TULOU_EINVAL;
	if (size && !page_up(size))
		return -TULOU_EINVAL;
	if (!range_make(range, addr, page_up(size)))
		return -TULOU_EINVAL;
	return size && advice_is_of_machine(advice) ? -TULOU_EPERM : 0;
}

/* Of a sealed area that cannot be written, contents cannot be taken away either (can_madvise_modify). */
static bool advice_discards(int advice)
{
	return advice == TULOU_MADV_DONTNEED || advice == TULOU_MADV_FREE || advice == TULOU_MADV_DONTNEED_LOCKED ||
	       advice == TULOU_MADV_REMOVE || advice == TULOU_MADV_DONTFORK || advice == TULOU_MADV_WIPEONFORK ||
	       advice == TULOU_MADV_GUARD_INSTALL;
}

static bool area_keeps_contents(const struct area *area)
{
	const struct shm_object *object = area->content.object;

	return (area->content.flags & AREA_SEALED) && (!object || object->zeros) && !(area->content.prot & TULOU_PROT_WRITE);
}

/* Where the first area begins that refuses, or the end. */
static uintptr_t discard_end(struct tulou_process_vm *vm, struct range range)
{
	uintptr_t at = range.start;
	struct area area;

	for (; at < range.end; at = area.range.end)
		if (!process_vm_area_above(vm, at, &area) || area_keeps_contents(&area))
			return at;
	return range.end;
}

/* The host keeps a note of it with the pages, which a fresh mapping has not: blocks with such notes must not be handed out again. */
static bool advice_marks(int advice)
{
	const uint64_t passing = BIT(TULOU_MADV_WILLNEED) | BIT(TULOU_MADV_DONTNEED) | BIT(TULOU_MADV_FREE) |
				 BIT(TULOU_MADV_REMOVE) | BIT(TULOU_MADV_COLD) | BIT(TULOU_MADV_PAGEOUT) |
				 BIT(TULOU_MADV_POPULATE_READ) | BIT(TULOU_MADV_POPULATE_WRITE) |
				 BIT(TULOU_MADV_DONTNEED_LOCKED) | BIT(TULOU_MADV_COLLAPSE) | BIT(TULOU_MADV_NORMAL) |
				 BIT(TULOU_MADV_DONTFORK) | BIT(TULOU_MADV_DOFORK);

	return advice >= 64 || !(passing & BIT(advice));
}

static int visit(struct tulou_process_vm *vm, struct range stretch, int advice)
{
	const struct tulou_host *host = vm->pool->host;
	uintptr_t end = stretch.end;
	int error;

	if (unlikely(vm->sealed) && advice_discards(advice))
		stretch.end = discard_end(vm, stretch);
	error = advice == TULOU_MADV_DONTFORK || advice == TULOU_MADV_DOFORK ? process_vm_may_change(vm, stretch) : 0;
	if (!error && !range_is_empty(stretch))
		error = host->advise(host->ctx, stretch.start, range_size(stretch), advice);
	if (!error && advice == TULOU_MADV_DONTFORK)
		process_vm_change(vm, stretch, (struct area_change){.set = AREA_DONTFORK, .prot = -1});
	if (!error && advice == TULOU_MADV_DOFORK)
		process_vm_change(vm, stretch, (struct area_change){.clear = AREA_DONTFORK, .prot = -1});
	return !error && stretch.end < end ? -TULOU_EPERM : error;
}

static int populate(struct tulou_process_vm *vm, struct range range, int advice)
{
	struct range stretch;
	struct area_seen first;
	int error;

	if (!process_vm_stretch(vm, range, &stretch, &first) || stretch.start > range.start || !content_has_pages(first.content))
		return -TULOU_ENOMEM;
	error = visit(vm, stretch, advice);
	return !error && stretch.end < range.end ? -TULOU_ENOMEM : error;
}

long tulou_madvise(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int advice)
{
	bool changes = advice == TULOU_MADV_DONTFORK || advice == TULOU_MADV_DOFORK;
	struct range range;
	long result = decode(&range, addr, size, advice);

	if (result || range_is_empty(range))
		return result;
	result = vm_enter(vm, range);
	if (result)
		return result;
	vm->exact |= advice_marks(advice);
	if (advice == TULOU_MADV_POPULATE_READ || advice == TULOU_MADV_POPULATE_WRITE)
		result = populate(vm, range, advice);
	else
		result = vm_visit(vm, range, visit, advice);
	process_vm_leave(vm, changes ? range : range_between(0, 0));
	return result;
}

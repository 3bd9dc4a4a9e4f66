/* SPDX-License-Identifier: MIT */
/*
 * mmap.c - mmap(2).
 *
 *     decode     the errors of do_mmap(), in its order, before anything is touched
 *     reserve    a place: anywhere, at the hint, or fixed (holes around own areas are booked as pending)
 *     host       one map() over the whole range, which replaces atomically what stood there
 *     commit     FIXED: the areas in the range become the new one. If the host failed, the place is given back
 */
#include "../map_options.h"
#include "calls.h"

/* MAP_SHARED_VALIDATE accepts these (mman.h: LEGACY_MAP_MASK; 0x80 is MAP_ABOVE4G). */
#define FLAGS_VALIDATED \
	(TULOU_MAP_TYPE | TULOU_MAP_FIXED | TULOU_MAP_ANONYMOUS | TULOU_MAP_DENYWRITE | TULOU_MAP_EXECUTABLE | \
		TULOU_MAP_UNINITIALIZED | TULOU_MAP_GROWSDOWN | TULOU_MAP_LOCKED | TULOU_MAP_NORESERVE | TULOU_MAP_POPULATE | \
		TULOU_MAP_NONBLOCK | TULOU_MAP_STACK | TULOU_MAP_HUGETLB | TULOU_MAP_32BIT | 0x80 | 21 << 26 | 30 << 26)

#define NOT_DROPPABLE (TULOU_MAP_LOCKED | TULOU_MAP_HUGETLB | TULOU_MAP_GROWSDOWN)

/* Linux: MAX_LFS_FILESIZE. */
#define FILE_SIZE_MAX 0x7ffffffffffffffful

struct request {
	struct range range; /* of the size wanted; the start is the address or the hint */
	bool fixed, replace;
	bool syncs; /* of a file: it knows MAP_SYNC */
	bool stays; /* it was to grow down, but there is no room for it */
	int late; /* an error that EEXIST goes before */
	size_t align;
	struct range window;
	struct map_options options;
};

static int decode_type(const struct request *r)
{
	const struct map_options *options = &r->options;
	int flags = options->flags, type = flags & TULOU_MAP_TYPE;

	if (type == TULOU_MAP_DROPPABLE)
		return options->has_file || (flags & NOT_DROPPABLE) ? -TULOU_EINVAL : 0;
	if (type != TULOU_MAP_PRIVATE && type != TULOU_MAP_SHARED && (type != TULOU_MAP_SHARED_VALIDATE || !options->has_file))
		return -TULOU_EINVAL;
	if (type == TULOU_MAP_SHARED_VALIDATE && (flags & ~(FLAGS_VALIDATED | (r->syncs ? TULOU_MAP_SYNC : 0))))
		return -TULOU_EOPNOTSUPP;
	if (options->has_file && type != TULOU_MAP_PRIVATE && !perms_allow(options->file.max_prot, options->prot))
		return -TULOU_EACCES;
	if (options->has_file && !options->file.max_prot)
		return -TULOU_EACCES;
	if ((flags & TULOU_MAP_GROWSDOWN) && (options->has_file || type != TULOU_MAP_PRIVATE))
		return -TULOU_EINVAL;
	return 0;
}

static bool asks_for_sync(int flags)
{
	return (flags & (TULOU_MAP_TYPE | TULOU_MAP_SYNC)) == (TULOU_MAP_SHARED_VALIDATE | TULOU_MAP_SYNC);
}

/* Linux rounds up to huge pages before it looks whether anything is left. */
static int decode_size(struct request *r, size_t *size)
{
	const struct map_options *options = &r->options;
	bool wants = options->flags & TULOU_MAP_HUGETLB;
	size_t huge = options->has_file ? options->file.page_size : map_options_huge(options->flags), wanted = *size;

	if (wants && !huge)
		return -TULOU_EINVAL;
	*size = align_up(wanted, huge ? huge : PAGE_SIZE);
	if (huge)
		r->align = huge;
	if (!wanted || (huge && !*size))
		return -TULOU_EINVAL;
	return *size ? 0 : -TULOU_ENOMEM;
}

/* Linux looks at the alignment of huge pages first, at that of small ones last. */
static int decode_fixed(const struct tulou *pool, uintptr_t addr, size_t size, size_t align)
{
	if (size > USER_END)
		return -TULOU_ENOMEM;
	if (align > PAGE_SIZE && addr & (align - 1))
		return -TULOU_EINVAL;
	if (addr > (uintptr_t)-4096) /* Linux takes it for the error number that it would be */
		return (int)(intptr_t)addr;
	if (addr > USER_END - size)
		return -TULOU_ENOMEM;
	if (!page_is_aligned(addr))
		return -TULOU_EINVAL;
	if (addr < pool->range.start)
		return -TULOU_EPERM;
	return addr + size > pool->range.end ? -TULOU_ENOMEM : 0;
}

/* As Linux: down to a page, but not below the lowest address that a hint may name. A hint that cannot be is none. */
static uintptr_t hint_round(const struct tulou *pool, uintptr_t addr)
{
	addr = align_down(addr, PAGE_SIZE);
	return addr && addr < pool->hint_start ? pool->hint_start : addr;
}

static bool offset_overflows(const struct map_options *options, size_t size)
{
	uint64_t most = options->file.offset_max ? options->file.offset_max : FILE_SIZE_MAX;

	return options->offset > most || most - options->offset < size;
}

static int decode_place(struct request *r, const struct tulou *pool, uintptr_t addr, size_t size)
{
	int flags = r->options.flags;
	int error;

	r->replace = (flags & TULOU_MAP_FIXED) && !(flags & TULOU_MAP_FIXED_NOREPLACE);
	r->fixed = flags & (TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE);
	r->window = pool->range;
	if (!r->fixed && (flags & TULOU_MAP_32BIT))
		r->window = range_cut(r->window, range_between(LOW_START, LOW_END));
	if (r->fixed) {
		error = decode_fixed(pool, addr, size, r->align);
		if (error)
			return error;
	} else {
		addr = align_up(hint_round(pool, addr), r->align); /* huge pages: up, as Linux */
		if (size > range_size(r->window)) /* as no place for it: told before what else is wrong */
			return -TULOU_ENOMEM;
	}
	if (!range_make(&r->range, addr, size))
		r->range = range_between(0, size);
	return 0;
}

/* Everything that can be said without touching the process VM. On success with a file, holds a reference to it. */
static int decode(struct request *r, const struct tulou *pool, uintptr_t addr, size_t size, int fd)
{
	struct map_options *options = &r->options;
	int error;

	if (!page_is_aligned(options->offset))
		return -TULOU_EINVAL;
	options->has_file = !(options->flags & TULOU_MAP_ANONYMOUS);
	if (options->has_file) {
		error = pool->host->file_get(
			pool->host->ctx, fd, (options->flags & TULOU_MAP_TYPE) != TULOU_MAP_PRIVATE, &options->file);
		if (error)
			return error;
		options->file.fd = fd;
		r->syncs = asks_for_sync(options->flags) && pool->host->file_syncs && pool->host->file_syncs(pool->host->ctx, fd);
	}
	error = decode_size(r, &size);
	if (!error)
		error = decode_place(r, pool, addr, size);
	if (options->has_file && offset_overflows(options, size))
		r->late = -TULOU_EOVERFLOW;
	else if (options->has_file && (options->offset & (r->align - 1)))
		r->late = -TULOU_EINVAL;
	else
		r->late = decode_type(r);
	if (error && options->has_file)
		pool->host->file_put(pool->host->ctx, &options->file);
	return error;
}

static bool own_is_in(struct tulou_process_vm *vm, struct range range)
{
	struct area area;

	return growth_area_above(vm, range.start, &area) && area.range.start < range.end;
}

/* A place that must be free, or is only room below something that grows: that gives way. */
static int reserve_free(struct tulou_process_vm *vm, struct request *r)
{
	if (!growth_concerns(vm, r->range))
		return place_fixed(vm, r->range, r->options.content);
	r->replace = true;
	return place_around(vm, r->range);
}

/* Linux takes a hint that leaves the stack's gap to what grows down (mm/mmap.c: vm_start_gap). Mostly what is in the way is the
 * process's own, and cheaper to find than to run into. */
static bool hint_is_free(struct tulou_process_vm *vm, struct range range)
{
	uint32_t number = step_value_at(&vm->map, page_number(range.start));
	struct area next;

	if (number >= STEP_AREA && !content_is_room(&content_known(&vm->contents, number)->is))
		return false;
	return !growth_area_above(vm, range.start, &next) ||
	       next.range.start >= range.end + (next.content.flags & TULOU_MAP_GROWSDOWN ? STACK_GAP : 0);
}

static int reserve(struct tulou_process_vm *vm, struct request *r)
{
	size_t size = range_size(r->range);
	bool hinted = r->range.start && range_covers(r->window, r->range) && !(r->range.start & (r->align - 1));
	int error;

	if (r->replace && vm_cuts_huge(vm, r->range))
		return -TULOU_EINVAL;
	if (r->replace)
		return vm_has_seal(vm, r->range) ? -TULOU_EPERM : place_around(vm, r->range);
	if (r->fixed)
		return own_is_in(vm, r->range) ? -TULOU_EEXIST : reserve_free(vm, r);
	if (hinted && hint_is_free(vm, r->range) && !reserve_free(vm, r))
		return 0;
	r->replace = false;
	error = growth_place(vm, size, r->align, r->window, &r->options.content, &r->range.start);
	r->range.end = r->range.start + size;
	return error;
}

/* Where there is no room to grow, nor anything of the process's own that stops it, it does not grow: the host never lets it, also
 * when it is moved. */
static int reserve_room(struct tulou_process_vm *vm, struct request *r)
{
	if (!(r->options.content.flags & TULOU_MAP_GROWSDOWN))
		return 0;
	r->stays = !growth_book(vm, r->range);
	if (r->stays) {
		r->options.flags &= ~TULOU_MAP_GROWSDOWN;
		r->options.content.flags &= ~TULOU_MAP_GROWSDOWN;
	}
	return process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
}

/* What the areas that the new one replaces have committed. */
static size_t committed_before(struct tulou_process_vm *vm, struct range range)
{
	struct usage usage = {0};

	while (range.start < range.end) {
		struct area area;

		if (!process_vm_area_above(vm, range.start, &area) || area.range.start >= range.end)
			break;
		if (area_has_pages(&area))
			usage_add(&usage, usage_of(&area.content, range_size(range_cut(area.range, range))));
		range.start = area.range.end;
	}
	return usage.committed;
}

/* Of a fixed range only what was not the process's before counts, as data too (mm/mmap.c: mmap_region). Committed is what the whole
 * has more than what it replaces; looked for only when it matters. */
static int check_limits(struct tulou_process_vm *vm, const struct request *r, struct usage before)
{
	const struct area_content *content = &r->options.content;
	struct usage more;

	if (likely(!r->replace))
		return likely(process_vm_is_within(vm)) ? 0 : process_vm_may_have(vm, before, usage_less(vm->usage, before));
	more.total = vm->usage.total - before.total;
	if (growth_concerns(vm, r->range))
		more.total += growth_room_in(vm, r->range);
	more.data = area_content_is_data(content) ? more.total : 0;
	more.committed = area_content_is_committed(content) ? range_size(r->range) : 0;
	if (before.committed + more.committed > vm->granted)
		before.committed -= committed_before(vm, r->range);
	return process_vm_may_have(vm, before, more);
}

static long commit(struct tulou_process_vm *vm, struct request *r)
{
	struct usage before = vm->usage;
	int error;

	process_vm_announce(vm, 0, vm->pool->range); /* until the place is known */
	error = reserve(vm, r);
	if (error)
		return error;
	error = check_limits(vm, r, before);
	if (!error)
		error = reserve_room(vm, r);
	process_vm_announce(vm, 0, r->range);
	if (!error)
		error = map_options_map(&r->options, r->range, vm->pool->host);
	if (likely(!error)) {
		if (unlikely(r->replace || r->stays))
			process_vm_replace(vm, r->range, r->options.content);
	} else if (r->replace) {
		process_vm_remove_pending(vm, r->range);
	} else {
		process_vm_remove(vm, r->range);
	}
	vm->huge = vm->huge || r->align > PAGE_SIZE;
	return error ? error : (long)r->range.start;
}

/* What stands in the way of MAP_FIXED_NOREPLACE is told before what is wrong with the mapping. */
static int refuse(struct tulou_process_vm *vm, const struct request *r)
{
	return r->fixed && !r->replace && own_is_in(vm, r->range) ? -TULOU_EEXIST : r->late;
}

static long map(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	const struct tulou_host *host = vm->pool->host;
	struct request r;
	long result;
	bool entered;

	r.align = PAGE_SIZE;
	r.stays = false;
	r.options.prot = prot;
	r.options.flags = flags;
	r.options.offset = offset;
	result = decode(&r, vm->pool, addr, size, fd);

	if (result)
		return result;
	/* What grows must not meet a block that is kept. */
	result = vm_enter(
		vm, flags & TULOU_MAP_GROWSDOWN ? vm->pool->range : range_between(r.range.start, r.range.end + STACK_GAP));
	entered = !result;
	if (entered && r.late)
		result = refuse(vm, &r);
	if (result) {
		if (r.options.has_file)
			host->file_put(host->ctx, &r.options.file);
		if (entered)
			process_vm_leave(vm, range_between(0, 0));
		return result;
	}
	r.options.lock = vm->lock_future;
	vm->has_device |= r.options.has_file && r.options.file.offset_max;
	map_options_open(&r.options, &vm->stock);
	result = commit(vm, &r);
	if (unlikely(vm->meetings >= NOOK_MEETINGS) && !addr && result > 0)
		nook_remember(vm, r.range, prot, flags, false);
	growth_settle(vm, r.range);
	map_options_close(&r.options, &vm->stock);
	process_vm_leave(vm, r.range);
	return result;
}

/* A block that was kept from a munmap of this size; 0: the call goes its way. */
static long map_kept(struct tulou_process_vm *vm, size_t size, int prot, int flags)
{
	long start;

	if (process_vm_enter(vm))
		return 0;
	start = (long)resident_take(vm, size);
	if (start && unlikely(vm->meetings >= NOOK_MEETINGS))
		nook_remember(vm, range_between((uintptr_t)start, (uintptr_t)start + size), prot, flags, true);
	process_vm_leave(vm, range_between(0, 0));
	return start;
}

/* What was unmapped and is to be had again: in the caller's nook, or kept by the process; 0: the call goes its way. */
static long map_again(struct tulou_process_vm *vm, size_t size, int prot, int flags)
{
	long start = process_vm_nooks(vm) ? (long)nook_map(vm, size, prot, flags) : 0;

	if (start || !__atomic_load_n(&vm->resident.count, __ATOMIC_RELAXED) || prot != (TULOU_PROT_READ | TULOU_PROT_WRITE) ||
		flags != (TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS))
		return start;
	return map_kept(vm, size, prot, flags);
}

static bool has_kept(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->resident.count, __ATOMIC_RELAXED) | (uintptr_t)process_vm_nooks(vm);
}

static bool may_give_back(const struct tulou *pool)
{
	return __atomic_load_n(&pool->resident_bytes, __ATOMIC_RELAXED) || __atomic_load_n(&pool->nooks, __ATOMIC_RELAXED);
}

long tulou_mmap(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	bool again = true;
	long result;

	if (unlikely(has_kept(vm)) && !addr && page_is_aligned(offset)) {
		result = map_again(vm, page_up(size), prot, flags);
		if (result)
			return result;
	}
	for (;; again = false) {
		result = map(vm, addr, size, prot, flags, fd, offset);
		if (likely(result != -TULOU_ENOMEM) || !again || !may_give_back(vm->pool) || !resident_give_back(vm))
			return result;
	}
}

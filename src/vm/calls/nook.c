/* SPDX-License-Identifier: MIT */
/* nook.c - see nook.h. */
#include "../nook.h"
#include "../check.h"
#include "../growth.h"
#include "calls.h"

static struct nook *nook_of(const struct tulou_process_vm *vm, uint32_t self)
{
	return &process_vm_nooks(vm)->at[self % NOOKS];
}

static void place_set_state(struct nook *nook, enum nook_state state)
{
	__atomic_store_n(&nook->place, (nook->place & ~3ul) | state, __ATOMIC_RELEASE);
}

/* ---- without the process's lock ------------------------------------------------------------------------------------------ */

/* The nook's lock is held: nobody but the process's own tasks has the process VM, nor can get it before the lock is dropped
 * (nooks_settle). */
static bool may_use(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->references, __ATOMIC_SEQ_CST) == 1 &&
	       __atomic_load_n(&vm->limit_least, __ATOMIC_RELAXED) == UINT64_MAX;
}

/* What is new at the host is not hidden from copies (fork.c). */
static int nook_show(struct tulou_process_vm *vm, const struct nook *nook)
{
	const struct tulou_host *host = vm->pool->host;
	struct range range = nook_range(nook->place);
	struct tulou_mapping mapping = {
		.start = range.start,
		.size = range_size(range),
		.prot = (int)perms_of(nook->prot),
		.flags = nook->flags,
		.lock = TULOU_LOCK_OFF,
	};

	if (unlikely(__atomic_load_n(&vm->hidden, __ATOMIC_RELAXED) == HIDDEN_ALL))
		__atomic_store_n(&vm->hidden, HIDDEN_SOME, __ATOMIC_RELAXED);
	return host->map(host->ctx, &mapping);
}

static bool nook_fits(const struct nook *nook, size_t size, int prot, int flags)
{
	uint64_t place = nook_peek(nook);

	return nook_is_idle(place) && range_size(nook_range(place)) == size && nook->prot == prot && nook->flags == flags;
}

uintptr_t nook_map(struct tulou_process_vm *vm, size_t size, int prot, int flags)
{
	const struct tulou_host *host = vm->pool->host;
	uint32_t self = pool_self(vm->pool);
	struct nook *nook = nook_of(vm, self);
	uintptr_t start = 0;

	if (!nook_is_idle(nook_peek(nook)) || !lock_try(&nook->lock, self))
		return 0;
	if (may_use(vm) && nook_fits(nook, size, prot, flags) && (nook_state(nook->place) == NOOK_KEPT || !nook_show(vm, nook))) {
		start = nook_range(nook->place).start;
		nook->counted.used = true;
		nook->missed = 0;
		place_set_state(nook, NOOK_USED);
	}
	lock_drop(&nook->lock, host);
	return start;
}

/* Its pages are in the sums from the first time that it keeps anything until it is NONE. */
static bool nook_count(struct tulou_process_vm *vm, struct nook *nook)
{
	uint32_t pages = nook->counted.pages;

	if (nook->counts)
		return true;
	if (!resident_has_room(vm->pool, pages * PAGE_SIZE))
		return false;
	nook->counts = __atomic_add_fetch(&process_vm_nooks(vm)->pages, pages, __ATOMIC_RELAXED) <= RESIDENT_BYTES / PAGE_SIZE;
	if (nook->counts)
		resident_count(vm->pool, pages * PAGE_SIZE);
	else
		__atomic_sub_fetch(&process_vm_nooks(vm)->pages, pages, __ATOMIC_RELAXED);
	return nook->counts;
}

static bool nook_keep(struct tulou_process_vm *vm, struct nook *nook, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	size_t size = range_size(range);

	if (!host->zero || vm->pool->resident == TULOU_RESIDENT_OFF || size > RESIDENT_BLOCK_BYTES ||
		nook->prot != (TULOU_PROT_READ | TULOU_PROT_WRITE) || (nook->flags & TULOU_MAP_NORESERVE) ||
		tulou_process_vm_is_exact(vm))
		return false;
	return resident_churns(vm, &nook->counted) && resident_is_worth(vm, &nook->counted, range) && nook_count(vm, nook) &&
	       !host->zero(host->ctx, range.start, size);
}

bool nook_unmap(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	uint32_t self = pool_self(vm->pool);
	struct nook *nook = nook_of(vm, self);
	uint64_t place = nook_place(range, NOOK_USED);
	enum nook_state state = NOOK_USED;

	if (nook_peek(nook) != place || !lock_try(&nook->lock, self))
		return false;
	if (may_use(vm) && nook->place == place) {
		if (nook_keep(vm, nook, range))
			state = NOOK_KEPT;
		else if (!host->unmap(host->ctx, range.start, range_size(range)))
			state = NOOK_FREE;
		place_set_state(nook, state);
	}
	lock_drop(&nook->lock, host);
	return state != NOOK_USED;
}

bool nooks_hide(const struct nooks *nooks, struct range range)
{
	const struct nook *nook;

	nooks_for_each(nook, nooks, left)
	{
		uint64_t place = nook_peek(nook);

		if (nook_is_idle(place) && range_overlaps(nook_range(place), range))
			return true;
	}
	return false;
}

struct range nooks_lowest(const struct nooks *nooks, struct range range, enum nook_state state)
{
	struct range lowest = range_between(range.end, range.end);
	const struct nook *nook;

	nooks_for_each(nook, nooks, left)
	{
		uint64_t place = nook_peek(nook);

		if (nook_state(place) == state && range_overlaps(nook_range(place), range) &&
			nook_range(place).start < lowest.start)
			lowest = range_cut(nook_range(place), range);
	}
	return lowest;
}

/* ---- recalling: the process's lock is held ------------------------------------------------------------------------------- */

/* A dead holder may have been between the host and the state. */
static void nook_lock(struct tulou_process_vm *vm, struct nook *nook, uint32_t self)
{
	if (lock_take(&nook->lock, vm->pool->host, self) == LOCK_TAKEN_OVER && nook_is_idle(nook->place))
		place_set_state(nook, NOOK_KEPT);
}

static void nook_clear(struct tulou_process_vm *vm, struct nook *nook)
{
	uint32_t pages = nook->counted.pages;

	if (nook->counts) { /* who dies in between leaves too much, which is less than wrapping */
		nook->counts = false;
		__atomic_sub_fetch(&vm->nooks->pages, pages, __ATOMIC_RELAXED);
		resident_count(vm->pool, -(pages * PAGE_SIZE));
	}
	__atomic_store_n(&nook->place, NOOK_NONE, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->nooks->busy, vm->nooks->busy & ~(1ul << (nook - vm->nooks->at)), __ATOMIC_RELEASE);
}

static int stretches_unmap(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	struct range stretch;
	struct area_seen first;
	int error = 0;

	while (!error && process_vm_stretch(vm, range, &stretch, &first)) {
		error = host->unmap(host->ctx, stretch.start, range_size(stretch));
		range.start = stretch.end;
	}
	return error;
}

/* Its lock is held. The books lose the area before the nook does: one who died here may have come so far, and the pages may be
 * others' by now. So only what the books still say is unmapped. */
static int nook_recall_locked(struct tulou_process_vm *vm, struct nook *nook)
{
	struct range range = nook_range(nook->place);
	int error = 0;

	if (nook_is_idle(nook->place)) {
		if (!process_vm_reserve(vm))
			return -TULOU_ENOMEM;
		error = nook_state(nook->place) == NOOK_KEPT ? stretches_unmap(vm, range) : 0;
		if (error)
			return error;
		process_vm_remove(vm, range);
	}
	nook_clear(vm, nook);
	return 0;
}

static int nook_recall(struct tulou_process_vm *vm, struct nook *nook)
{
	int error;

	nook_lock(vm, nook, vm->stock.self);
	error = nook_recall_locked(vm, nook);
	lock_drop(&nook->lock, vm->pool->host);
	return error;
}

/* Only the state of a nook changes meanwhile. One that is NONE, but busy, was left so by a dead task. */
int nooks_recall(struct tulou_process_vm *vm, struct range range)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left)
	{
		uint64_t place = nook_peek(nook);
		bool concerned = place == NOOK_NONE || range_overlaps(nook_range(place), range);
		int error = concerned ? nook_recall(vm, nook) : 0;

		if (error)
			return error;
	}
	return process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
}

void nooks_recall_unused(struct tulou_process_vm *vm)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left)
	{
		nook_lock(vm, nook, vm->stock.self);
		if (!nook->counted.used && nook_is_idle(nook->place))
			nook_recall_locked(vm, nook);
		nook->counted.used = false;
		lock_drop(&nook->lock, vm->pool->host);
	}
}

void nooks_forget(struct tulou_process_vm *vm)
{
	if (!vm->nooks)
		return;
	resident_count(vm->pool, -(nooks_pages(vm) * PAGE_SIZE));
	__atomic_store_n(&vm->nooks, NULL, __ATOMIC_RELAXED);
}

/* ---- remembering --------------------------------------------------------------------------------------------------------- */

/* The table is not zeroed, since a change that was taken back may have used the memory. */
static bool nooks_open(struct tulou_process_vm *vm)
{
	struct nooks *nooks;

	if (vm->nooks)
		return true;
	if (!arena_reserve(&vm->arena, sizeof(*nooks)))
		return false;
	nooks = arena_take(&vm->arena, sizeof(*nooks));
	nooks->busy = 0;
	nooks->pages = 0;
	for (int i = 0; i < NOOKS; i++)
		nooks->at[i] = (struct nook){.place = NOOK_NONE};
	__atomic_store_n(&vm->nooks, nooks, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->pool->nooks, true, __ATOMIC_RELAXED);
	return true;
}

static bool may_remember(const struct tulou_process_vm *vm, struct range range, int prot, int flags)
{
	const int plain = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, any = TULOU_MAP_NORESERVE | TULOU_MAP_STACK;
	const int prots = TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC;

	return (flags & ~any) == plain && !(prot & ~prots) && range_size(range) <= RESIDENT_BLOCK_BYTES &&
	       vm->limit_least == UINT64_MAX && !vm->lock_future && !growth_concerns(vm, range) &&
	       !journal_notes(vm->guard.journal);
}

/* How often what is idle in a nook may be of no use before it makes room. */
enum { NOOK_MISSES = 4 };

static bool nook_is_free(struct tulou_process_vm *vm, struct nook *nook)
{
	if (nook_is_idle(nook->place) && nook->missed++ < NOOK_MISSES)
		return false;
	return nook->place == NOOK_NONE || !nook_recall_locked(vm, nook);
}

void nook_remember(struct tulou_process_vm *vm, struct range range, int prot, int flags, bool churns)
{
	uint32_t pages = (uint32_t)(range_size(range) / PAGE_SIZE);
	struct nook *nook;

	if (!may_remember(vm, range, prot, flags) || !nooks_open(vm))
		return;
	nook = nook_of(vm, vm->stock.self);
	nook_lock(vm, nook, vm->stock.self);
	if (nook_is_free(vm, nook)) {
		if (nook->counted.pages != pages)
			nook->counted = (struct resident_size){.pages = pages};
		if (churns && nook->counted.churn < RESIDENT_CHURN)
			nook->counted.churn = RESIDENT_CHURN;
		nook->prot = prot;
		nook->flags = flags;
		nook->missed = 0;
		__atomic_store_n(&vm->nooks->busy, vm->nooks->busy | 1ul << (nook - vm->nooks->at), __ATOMIC_RELEASE);
		__atomic_store_n(&nook->place, nook_place(range, NOOK_USED), __ATOMIC_RELEASE);
	}
	lock_drop(&nook->lock, vm->pool->host);
}

/* ---- holding all of them -------------------------------------------------------------------------------------------------- */

/* Whoever took one before has seen one reference, and is done; who takes one from now on sees two. */
void nooks_settle(struct tulou_process_vm *vm)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left)
	{
		nook_lock(vm, nook, vm->stock.self);
		lock_drop(&nook->lock, vm->pool->host);
	}
}

void nooks_hold(struct tulou_process_vm *vm, uint32_t self)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left) nook_lock(vm, nook, self);
}

void nooks_release(struct tulou_process_vm *vm, uint32_t self)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left) if (lock_holder(&nook->lock) == self) lock_drop(&nook->lock, vm->pool->host);
}

void nooks_init_locks(struct tulou_process_vm *vm)
{
	struct nook *nook;

	nooks_for_each(nook, vm->nooks, left) lock_init(&nook->lock);
}

/* ---- check --------------------------------------------------------------------------------------------------------------- */

static bool nook_is_area(struct tulou_process_vm *vm, const struct nook *nook, struct range range)
{
	struct area area;

	return process_vm_area_above(vm, range.start, &area) && range_covers(area.range, range) &&
	       area.content.kind == TULOU_AREA_MMAP && !area.content.object && !area.content.pending &&
	       area.content.prot == perms_of(nook->prot) && area.content.flags == (nook->flags & ~TULOU_MAP_STACK);
}

bool nooks_check(struct tulou_process_vm *vm, struct report *report)
{
	struct nook *nook, *other;

	nooks_for_each(nook, vm->nooks, left)
	{
		struct range range = nook_range(nook_peek(nook));

		if (nook_state(nook_peek(nook)) == NOOK_NONE || growth_concerns(vm, range) || !nook_is_area(vm, nook, range))
			return report_broken(
				report, "K2: process %u: a nook of %lx is not as it was mapped", vm->id, range.start);
		nooks_for_each(other, vm->nooks, rest) if (other != nook && range_overlaps(nook_range(nook_peek(other)),
										    range)) return report_broken(report,
			"K2: process %u: %lx is in two nooks", vm->id, range.start);
		for (uint32_t i = 0; i < vm->resident.count; i++)
			if (range_overlaps(vm->resident.block[i], range))
				return report_broken(report, "K2: process %u: %lx is kept and in a nook", vm->id, range.start);
	}
	return true;
}

/* SPDX-License-Identifier: MIT */
/* resident.c - see resident.h. */
#include "../resident.h"
#include "../check.h"
#include "../growth.h"
#include "calls.h"

/* What can be kept: memory that has nothing that a fresh mapping has not. */
static const struct area_content plain = {
	.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	.prot = TULOU_PROT_READ | TULOU_PROT_WRITE,
	.kind = TULOU_AREA_MMAP,
};

static bool content_is_plain(const struct area_content *content)
{
	return content->look == plain.look && !content->object;
}

static bool range_is_plain(struct tulou_process_vm *vm, struct range range)
{
	struct area area;

	return process_vm_area_above(vm, range.start, &area) && range_covers(area.range, range) &&
	       content_is_plain(&area.content);
}

static bool touches(const struct resident *kept, struct range range)
{
	for (uint32_t i = 0; i < kept->count; i++)
		if (range_overlaps(kept->block[i], range))
			return true;
	return false;
}

/* ---- which sizes churn --------------------------------------------------------------------------------------------------- */

static struct resident_size *size_of(struct resident *kept, size_t size)
{
	uint32_t pages = (uint32_t)(size / PAGE_SIZE);

	return &kept->size[(pages ^ pages / RESIDENT_SIZES) % RESIDENT_SIZES];
}

bool resident_churns(const struct tulou_process_vm *vm, struct resident_size *counted)
{
	if (counted->churn < 2 * RESIDENT_CHURN)
		counted->churn++;
	return counted->churn >= RESIDENT_CHURN || vm->pool->resident == TULOU_RESIDENT_ALWAYS;
}

/* One more of this size. True: it churns. */
static bool size_count(struct tulou_process_vm *vm, size_t size)
{
	struct resident_size *counted = size_of(&vm->resident, size);
	uint32_t pages = (uint32_t)(size / PAGE_SIZE);

	if (counted->pages != pages) {
		if (counted->churn) {
			counted->churn--;
			return false;
		}
		*counted = (struct resident_size){.pages = pages};
	}
	return resident_churns(vm, counted);
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------- */

void resident_count(struct tulou *pool, size_t more)
{
	__atomic_add_fetch(&pool->resident_bytes, more, __ATOMIC_RELAXED);
}

bool resident_has_room(const struct tulou *pool, size_t more)
{
	return __atomic_load_n(&pool->resident_bytes, __ATOMIC_RELAXED) + more <= RESIDENT_POOL_BYTES;
}

/* Others read both at any time. */
static void held_set(struct resident *kept, uint32_t count, uint32_t pages)
{
	__atomic_store_n(&kept->count, count, __ATOMIC_RELAXED);
	__atomic_store_n(&kept->pages, pages, __ATOMIC_RELAXED);
}

static void block_add(struct tulou_process_vm *vm, struct range block)
{
	struct resident *kept = &vm->resident;

	kept->block[kept->count] = block;
	held_set(kept, kept->count + 1, kept->pages + (uint32_t)(range_size(block) / PAGE_SIZE));
	resident_count(vm->pool, range_size(block));
}

static void block_remove(struct tulou_process_vm *vm, uint32_t at)
{
	struct resident *kept = &vm->resident;
	size_t size = range_size(kept->block[at]);

	held_set(kept, kept->count - 1, kept->pages - (uint32_t)(size / PAGE_SIZE));
	for (; at < kept->count; at++)
		kept->block[at] = kept->block[at + 1];
	resident_count(vm->pool, -size);
}

static int block_drop(struct tulou_process_vm *vm, uint32_t at)
{
	struct range block = vm->resident.block[at];
	int error = vm_unmap(vm, block);

	if (!error)
		block_remove(vm, at);
	return error;
}

/* Room for one more. The oldest makes place for another size, but not for one more of its own. */
static bool room_make(struct tulou_process_vm *vm, size_t size)
{
	struct resident *kept = &vm->resident;

	if (!resident_has_room(vm->pool, size))
		return false;
	while (kept->count == RESIDENT_BLOCKS || resident_bytes(kept) + size > RESIDENT_BYTES)
		if (range_size(kept->block[0]) == size || block_drop(vm, 0))
			return false;
	return true;
}

/* Not while others have the process VM too (vfork): who dies here takes what it keeps along, and that must be nobody else's. */
static bool may_keep(const struct tulou_process_vm *vm)
{
	return !vm->exact && !vm->lock_future && !journal_notes(vm->guard.journal);
}

/* A quarter of its pages is there: zeroing all of it costs less than unmapping and touching these again. */
static bool is_touched(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	unsigned char vector[RESIDENT_BLOCK_BYTES / PAGE_SIZE];
	size_t pages = range_size(range) / PAGE_SIZE, there = 0;

	if (!host->resident)
		return true;
	if (host->resident(host->ctx, range.start, range_size(range), vector))
		return false;
	for (size_t i = 0; i < pages; i++)
		there += vector[i] & 1;
	return there >= pages / 4;
}

bool resident_is_worth(struct tulou_process_vm *vm, struct resident_size *counted, struct range range)
{
	if (range_size(range) < RESIDENT_LARGE)
		return true;
	if (!++counted->kept) /* the next one is fresh */
		return false;
	if (counted->kept > 1 || is_touched(vm, range))
		return true;
	counted->churn = 0;
	counted->kept = 0;
	return false;
}

bool resident_keep_slow(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	size_t size = range_size(range);

	if (!may_keep(vm))
		return false;
	if (growth_concerns(vm, range) || !range_is_plain(vm, range) || !size_count(vm, size) || touches(&vm->resident, range) ||
		!resident_is_worth(vm, size_of(&vm->resident, size), range) || !room_make(vm, size))
		return false;
	if (host->zero(host->ctx, range.start, size))
		return false;
	block_add(vm, range);
	return true;
}

uintptr_t resident_take(struct tulou_process_vm *vm, size_t size)
{
	struct resident *kept = &vm->resident;

	for (uint32_t i = may_keep(vm) ? kept->count : 0; i-- > 0;) {
		uintptr_t start = kept->block[i].start;

		if (range_size(kept->block[i]) != size)
			continue;
		if (process_vm_may_have(vm, vm->usage, (struct usage){.total = size, .data = size}))
			return 0;
		size_of(kept, size)->used = true;
		block_remove(vm, i);
		return start;
	}
	return 0;
}

/* While others have the process VM too. What the host refuses stays an area. */
static void drop_shared(struct tulou_process_vm *vm)
{
	struct resident *kept = &vm->resident;
	uint32_t count = kept->count;

	resident_count(vm->pool, -resident_bytes(kept));
	__atomic_store_n(&kept->held, 0, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < count; i++)
		vm_unmap(vm, kept->block[i]);
}

int resident_drop_slow(struct tulou_process_vm *vm, struct range range)
{
	int error = nooks_recall(vm, range);

	if (error)
		return error;
	if (journal_notes(vm->guard.journal) && touches(&vm->resident, range))
		drop_shared(vm);
	for (uint32_t i = vm->resident.count; i-- > 0;) {
		error = range_overlaps(vm->resident.block[i], range) ? block_drop(vm, i) : 0;
		if (error)
			return error;
	}
	return process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
}

void resident_forget(struct tulou_process_vm *vm)
{
	resident_count(vm->pool, -resident_bytes(&vm->resident));
	__atomic_store_n(&vm->resident.held, 0, __ATOMIC_RELAXED);
	nooks_forget(vm);
}

/* ---- age ----------------------------------------------------------------------------------------------------------------- */

/* Unmap what was not used since the last time. */
static void unused_drop(struct tulou_process_vm *vm)
{
	struct resident *kept = &vm->resident;

	for (uint32_t i = kept->count; i-- > 0;)
		if (!size_of(kept, range_size(kept->block[i]))->used)
			block_drop(vm, i);
	for (int i = 0; i < RESIDENT_SIZES; i++) {
		if (!kept->size[i].used)
			kept->size[i].churn = 0;
		kept->size[i].used = false;
	}
	nooks_recall_unused(vm);
}

/* A process whose lock is taken is in a call: it is not idle, and comes round the next time. */
static void process_visit(struct tulou_process_vm *vm, void (*visit)(struct tulou_process_vm *vm))
{
	bool keeps = __atomic_load_n(&vm->resident.count, __ATOMIC_RELAXED) || process_vm_nooks(vm);

	if (!keeps || !process_vm_try_enter(vm))
		return;
	visit(vm);
	process_vm_leave(vm, range_between(0, 0));
}

/* All processes. Bytes that are still kept. */
static size_t pool_visit(struct tulou *pool, void (*visit)(struct tulou_process_vm *vm))
{
	size_t bytes = 0;

	pool_lock_list(pool, pool_self(pool));
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = container_of(link, struct tulou_process_vm, link);

		process_visit(vm, visit);
		bytes += PAGE_SIZE * ((size_t)__atomic_load_n(&vm->resident.pages, __ATOMIC_RELAXED) + nooks_pages(vm));
	}
	/* A process that died between two of its stores has left the sum wrong. */
	__atomic_store_n(&pool->resident_bytes, bytes, __ATOMIC_RELAXED);
	pool_unlock_list(pool);
	return bytes;
}

size_t tulou_trim(struct tulou *pool)
{
	return pool_visit(pool, unused_drop);
}

static void all_drop(struct tulou_process_vm *vm)
{
	resident_drop(vm, vm->pool->range);
}

bool resident_give_back(struct tulou_process_vm *vm)
{
	size_t before = __atomic_load_n(&vm->pool->resident_bytes, __ATOMIC_RELAXED);

	return pool_visit(vm->pool, all_drop) < before || __atomic_load_n(&vm->pool->nooks, __ATOMIC_RELAXED);
}

void tulou_process_vm_exact(struct tulou_process_vm *vm)
{
	__atomic_store_n(&vm->exact, true, __ATOMIC_RELAXED);
	if (process_vm_enter(vm))
		return;
	all_drop(vm);
	process_vm_leave(vm, range_between(0, 0));
}

bool tulou_process_vm_is_exact(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->exact, __ATOMIC_RELAXED);
}

/* ---- check --------------------------------------------------------------------------------------------------------------- */

bool resident_check(struct tulou_process_vm *vm, struct report *report)
{
	const struct resident *kept = &vm->resident;
	size_t bytes = 0;

	for (uint32_t i = 0; i < kept->count; i++) {
		bytes += range_size(kept->block[i]);
		for (uint32_t j = 0; j < i; j++)
			if (range_overlaps(kept->block[i], kept->block[j]))
				return report_broken(report, "K1: process %u: %lx is kept twice", vm->id, kept->block[i].start);
		if (!range_is_plain(vm, kept->block[i]))
			return report_broken(
				report, "K1: process %u: %lx is kept but not plain memory", vm->id, kept->block[i].start);
	}
	if (bytes != resident_bytes(kept))
		return report_broken(report, "K1: process %u: %lx bytes kept, not %lx", vm->id, bytes, resident_bytes(kept));
	return true;
}

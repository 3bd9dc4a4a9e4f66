/* SPDX-License-Identifier: MIT */
/* resident.c - see resident.h. */
#include "../resident.h"
#include "../check.h"
#include "calls.h"

/* What can be kept: memory that has nothing that a fresh mapping has not. */
static const struct area_content plain = {
	.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	.prot = TULOU_PROT_READ | TULOU_PROT_WRITE,
	.kind = TULOU_AREA_MMAP,
};

static bool content_is_plain(const struct area_content *content)
{
	return content->flags == plain.flags && content->prot == plain.prot && content->kind == plain.kind && !content->object;
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
	if (counted->churn < 2 * RESIDENT_CHURN)
		counted->churn++;
	return counted->churn >= RESIDENT_CHURN || vm->pool->resident == TULOU_RESIDENT_ALWAYS;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------- */

static void pool_count(struct tulou *pool, size_t more)
{
	__atomic_add_fetch(&pool->resident_bytes, more, __ATOMIC_RELAXED);
}

static void block_add(struct tulou_process_vm *vm, struct range block)
{
	struct resident *kept = &vm->resident;

	kept->block[kept->count] = block;
	kept->count++;
	kept->bytes += range_size(block);
	pool_count(vm->pool, range_size(block));
}

static void block_remove(struct tulou_process_vm *vm, uint32_t at)
{
	struct resident *kept = &vm->resident;
	size_t size = range_size(kept->block[at]);

	kept->bytes -= size;
	kept->count--;
	for (; at < kept->count; at++)
		kept->block[at] = kept->block[at + 1];
	pool_count(vm->pool, -size);
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

	if (__atomic_load_n(&vm->pool->resident_bytes, __ATOMIC_RELAXED) + size > RESIDENT_POOL_BYTES)
		return false;
	while (kept->count == RESIDENT_BLOCKS || kept->bytes + size > RESIDENT_BYTES)
		if (range_size(kept->block[0]) == size || block_drop(vm, 0))
			return false;
	return true;
}

/* Not while others have the process VM too (vfork): who dies here takes what it keeps along, and that must be nobody else's. */
static bool may_keep(const struct tulou_process_vm *vm)
{
	return !vm->exact && !vm->lock_future && !journal_notes(vm->guard.journal);
}

bool resident_keep(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	size_t size = range_size(range);

	if (vm->pool->resident == TULOU_RESIDENT_OFF || size > RESIDENT_BLOCK_BYTES || vm->exact || vm->lock_future ||
		!host->zero)
		return false;
	if (!range_is_plain(vm, range) || !size_count(vm, size) || touches(&vm->resident, range) || !room_make(vm, size))
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

int resident_drop_slow(struct tulou_process_vm *vm, struct range range)
{
	for (uint32_t i = vm->resident.count; i-- > 0;) {
		int error = range_overlaps(vm->resident.block[i], range) ? block_drop(vm, i) : 0;

		if (error)
			return error;
	}
	return process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
}

void resident_forget(struct tulou_process_vm *vm)
{
	pool_count(vm->pool, -vm->resident.bytes);
	vm->resident.count = 0;
	vm->resident.bytes = 0;
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
}

/* A process whose lock is taken is in a call: it is not idle, and comes round the next time. */
static void process_age(struct tulou_process_vm *vm)
{
	if (!__atomic_load_n(&vm->resident.count, __ATOMIC_RELAXED) || !process_vm_try_enter(vm))
		return;
	unused_drop(vm);
	process_vm_leave(vm, range_between(0, 0));
}

size_t tulou_trim(struct tulou *pool)
{
	uint32_t self = pool_self(pool);
	size_t bytes = 0;

	pool_lock_list(pool, self);
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = container_of(link, struct tulou_process_vm, link);

		process_age(vm);
		bytes += __atomic_load_n(&vm->resident.bytes, __ATOMIC_RELAXED);
	}
	/* A process that died between two of its stores has left the sum wrong. */
	__atomic_store_n(&pool->resident_bytes, bytes, __ATOMIC_RELAXED);
	pool_unlock_list(pool);
	return bytes;
}

bool resident_give_back(struct tulou_process_vm *vm)
{
	int error = process_vm_enter(vm);

	if (error)
		return false;
	error = resident_drop(vm, vm->pool->range);
	process_vm_leave(vm, range_between(0, 0));
	return !error;
}

void tulou_process_vm_exact(struct tulou_process_vm *vm)
{
	__atomic_store_n(&vm->exact, true, __ATOMIC_RELAXED);
	resident_give_back(vm);
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
	if (bytes != kept->bytes)
		return report_broken(report, "K1: process %u: %lx bytes kept, not %lx", vm->id, bytes, kept->bytes);
	return true;
}

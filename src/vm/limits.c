/* SPDX-License-Identifier: MIT */
/*
 * limits.c - RLIMIT_AS and RLIMIT_DATA of one process (getrlimit(2); mm/mmap.c: may_expand_vm), and what all may commit.
 *
 * Enforced here, since the kernel would count the whole address space. A limit below what the process has takes nothing away, but
 * gives nothing more.
 */
#include "process_vm.h"

void process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data)
{
	vm->limit_as = address_space;
	vm->limit_data = data;
	__atomic_store_n(&vm->limit_least, size_min(address_space, data), __ATOMIC_RELAXED);
}

void tulou_process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data)
{
	if (process_vm_enter(vm))
		return;
	nooks_recall(vm, vm->pool->range); /* what is idle would count */
	process_vm_limit(vm, address_space, data);
	process_vm_leave(vm, (struct range){0, 0});
}

size_t tulou_process_vm_peak(struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->peak, __ATOMIC_RELAXED);
}

static bool fits(size_t have, size_t more, uint64_t limit)
{
	return !more || (have <= limit && more <= limit - have);
}

/* ---- the pool's memory limit ------------------------------------------------------------------------------------------- */

enum { GRANT_STEP = 1 << 20 };

void tulou_limit_memory(struct tulou *pool, uint64_t bytes)
{
	__atomic_store_n(&pool->memory_limit, bytes, __ATOMIC_RELAXED);
}

static bool pool_commit(struct tulou *pool, size_t size)
{
	uint64_t committed = __atomic_load_n(&pool->committed, __ATOMIC_RELAXED);

	do {
		if (!fits(committed, size, __atomic_load_n(&pool->memory_limit, __ATOMIC_RELAXED)))
			return false;
	} while (!__atomic_compare_exchange_n(
		&pool->committed, &committed, committed + size, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

/* Of the two counters the pool's grows first and shrinks last: who dies in between leaves a step that nobody can have, no more. */

/* A step more than wanted, or when that is too much, exactly that. */
static bool grant(struct tulou_process_vm *vm, size_t wanted)
{
	size_t missing = wanted - vm->granted, step = align_up(missing, GRANT_STEP);

	if (step < missing || !pool_commit(vm->pool, step)) {
		step = missing;
		if (!pool_commit(vm->pool, step))
			return false;
	}
	vm->granted += step;
	return true;
}

void process_vm_grant_return(struct tulou_process_vm *vm, size_t keep)
{
	size_t more = vm->granted - keep;

	if (vm->granted == SIZE_MAX || vm->granted < keep)
		return;
	vm->granted = keep;
	__atomic_sub_fetch(&vm->pool->committed, more, __ATOMIC_RELEASE);
}

int process_vm_may_have_slow(struct tulou_process_vm *vm, struct usage have, struct usage more)
{
	size_t committed = have.committed + more.committed, kept = resident_bytes(&vm->resident);

	if (!fits(have.total - kept, more.total, vm->limit_as) || !fits(have.data - kept, more.data, vm->limit_data))
		return -TULOU_ENOMEM;
	return !more.committed || committed <= vm->granted || grant(vm, committed) ? 0 : -TULOU_ENOMEM;
}

/* SPDX-License-Identifier: MIT */
/*
 * limits.c - RLIMIT_AS and RLIMIT_DATA of one process (getrlimit(2); mm/mmap.c: may_expand_vm).
 *
 * Enforced here, since the kernel would count the whole address space. A limit below what the process has takes nothing away, but
 * gives nothing more.
 */
#include "process_vm.h"

void tulou_process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data)
{
	if (process_vm_enter(vm))
		return;
	vm->limit_as = address_space;
	vm->limit_data = data;
	process_vm_leave(vm, (struct range){0, 0});
}

static bool fits(size_t have, size_t more, uint64_t limit)
{
	return !more || (have <= limit && more <= limit - have);
}

int process_vm_may_have(const struct tulou_process_vm *vm, struct usage have, size_t more, size_t data)
{
	size_t kept = vm->resident.bytes;

	return fits(have.total - kept, more, vm->limit_as) && fits(have.data - kept, data, vm->limit_data) ? 0 : -TULOU_ENOMEM;
}

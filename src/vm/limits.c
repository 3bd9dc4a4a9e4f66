/* SPDX-License-Identifier: MIT */
/* limits.c - RLIMIT_AS and RLIMIT_DATA of one process. */
#include "process_vm.h"

void tulou_process_vm_limit(struct tulou_process_vm *vm, uint64_t address_space, uint64_t data)
{
	if (process_vm_enter(vm))
		return;
	vm->limit_as = address_space;
	vm->limit_data = data;
	process_vm_leave(vm, (struct range){0, 0});
}

/* SPDX-License-Identifier: MIT */
/* nooks.c - see manager.h: apart from it, since the core's names are not those of the tests. */
#include "vm/process_vm.h"

void manager_nooks(struct tulou_process_vm *vm);

void manager_nooks(struct tulou_process_vm *vm)
{
	vm->meetings = NOOK_MEETINGS;
}

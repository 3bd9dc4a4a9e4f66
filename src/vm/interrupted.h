/* SPDX-License-Identifier: MIT */
/*
 * interrupted.h - a task died in a call, and others of the process live: the books are whole, but for what that call had begun.
 * Part of catch_up.c; the process's lock is held, and changes are noted.
 */
#ifndef TULOU_VM_INTERRUPTED_H
#define TULOU_VM_INTERRUPTED_H

#include "process_vm.h"

/* Have the whole map looked at. */
void interrupted_begin(struct tulou_process_vm *vm);
/* The map knows its chunks again: what the host was about to do, it has done, or not: have the books agree. */
void interrupted_end(struct tulou_process_vm *vm);
/* Take back what was booked in this tile and not used. */
void interrupted_visit(struct tulou_process_vm *vm, const struct step_tile *tile);

#endif

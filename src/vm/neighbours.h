/* SPDX-License-Identifier: MIT */
/*
 * neighbours.h - room in the chunks of other processes.
 *
 *     before    | AAA  AA  A..............|            B wants a place there: because it says where, or since the pool has none
 *     after     | AAA  AA  A.|         |..|            the chunk is cut, and what is in the middle is the pool's
 *
 * B must know that A is not about to use the room: it takes A's lock for the moment, or sees A parked. To wait for another process
 * while holding one's own lock would end in a circle, so there is one border for the whole pool: whoever wants to stand beside a
 * neighbour parks (says that nothing of it is half done, and stays so until it has the border), takes the border, and then waits
 * until the neighbour's lock is free, or the neighbour is parked itself. B only reads what is A's: that a chunk has been cut is the
 * manager's knowledge, and A catches up with it in its next call (process_vm_catch_up).
 *
 * No process VM is freed while the border is held. The protocol is modelled in border.pml.
 */
#ifndef TULOU_VM_NEIGHBOURS_H
#define TULOU_VM_NEIGHBOURS_H

#include "process_vm.h"

/* The caller holds its process's lock, and nothing of its own is half done. False (border not taken): no memory to catch up. */
bool border_enter(struct tulou_process_vm *vm);
void border_leave(struct tulou_process_vm *vm);
/* The border is held, the manager is not locked. Wait until `other` stands still, or take its lock over from a dead holder: it may
 * be torn then. */
void neighbour_hold(struct tulou_process_vm *other, uint32_t self, bool *locked);
void neighbour_release(struct tulou_process_vm *other, bool locked);

/* The border is held. Give all of `range`, which lies in one chunk of another process, to the pool. 0, or -EEXIST (an area is in
 * it), or -ENOMEM. */
int neighbour_release_range(struct tulou_process_vm *vm, struct range range);
/* Have a neighbour with room for `size` bytes, and a page, in `window` give it to the pool. False: there is none. */
bool neighbours_make_room(struct tulou_process_vm *vm, size_t size, size_t align, struct range window);

#endif

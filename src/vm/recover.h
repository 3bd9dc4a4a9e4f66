/* SPDX-License-Identifier: MIT */
/*
 * recover.h - what to do when a lock was taken over from a dead holder.
 *
 * The holder may have died between any two instructions of a change. For now the books that the lock guards are checked, and
 * only a contradiction stops: a holder that died before or after its change leaves none. Completing or undoing a half-done
 * change from a journal will be this function's business, and nobody else's.
 */
#ifndef TULOU_VM_RECOVER_H
#define TULOU_VM_RECOVER_H

#include <tulou/host.h>

enum recover_box { RECOVER_LIST, RECOVER_PROCESS_VM, RECOVER_MANAGER, RECOVER_CHUNK };

/* `box` is the struct whose lock was taken over; the lock is held. */
void recover(const struct tulou_host *host, enum recover_box kind, void *box);

#endif

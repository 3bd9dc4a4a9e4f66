/* SPDX-License-Identifier: MIT */
/*
 * recover.h - what to do when a lock was taken over from a dead holder.
 *
 * The holder may have died between any two instructions of a change. The books that the lock guards are checked: a holder that
 * died before or after its change leaves no contradiction. What is torn and was the dead process's alone is set aside, and goes with
 * it (salvage.c); a contradiction in what others share stops. Completing or undoing a half-done change from a journal will be
 * this function's business, and nobody else's.
 */
#ifndef TULOU_VM_RECOVER_H
#define TULOU_VM_RECOVER_H

#include <tulou/host.h>

enum recover_box { RECOVER_LIST, RECOVER_PROCESS_VM, RECOVER_MANAGER, RECOVER_CHUNK };

/* `box` is the struct whose lock was taken over; the lock is held. */
void recover(const struct tulou_host *host, enum recover_box kind, void *box);

#endif

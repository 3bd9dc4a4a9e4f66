/* SPDX-License-Identifier: MIT */
/*
 * check.h - the invariants of docs/invariants.md, recomputed.
 *
 * Every *_check() returns false after writing the rule's number and the place into the report; the first broken rule wins. How
 * often they run is tulou_config.check_level: 1 the areas that a call touched, 2 the chunks they are in, 3 everything.
 */
#ifndef TULOU_VM_CHECK_H
#define TULOU_VM_CHECK_H

#include "process_vm.h"

#include "base/format.h"

struct report {
	char *text;
	size_t size;
};

/* Write the rule that broke; false, to be returned. */
bool report_broken(struct report *report, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* F1-F4; the free ranges lie inside `within`. */
bool free_space_check(const struct free_space *space, struct range within, struct report *report);
/* V1, V5, C3, C4, C6. All stands still. */
bool chunk_check(struct chunk *chunk, struct report *report);
/* C1, C2, F1-F4. The manager's lock is held. */
bool manager_check_locked(const struct vm_manager *manager, struct range pool, struct report *report);
/* P1, P2, P5, P8, P9, H1-H3, T1-T5. The process's lock is held; `still`: so are all others. */
bool process_vm_check(struct tulou_process_vm *vm, bool still, struct report *report);
/* S1-S5. Nothing may change meanwhile. */
bool shm_check(const struct tulou *pool, struct report *report);
bool slabs_check(const struct tulou *pool, struct report *report);
/* Everything. Takes all locks. */
bool pool_check(struct tulou *pool, struct report *report);

/* After a change, by check_level; a contradiction goes to host->panic. The process's lock is held. */
void check_touched(struct tulou_process_vm *vm, struct range touched);
/* The same for everything; no lock is held. */
void check_pool_or_panic(struct tulou *pool);

#endif

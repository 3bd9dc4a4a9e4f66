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
/* V1-V3 for the areas from `from` to the first one that begins at or above `end`, and V4 among them. */
bool area_check_run(const struct chunk *chunk, struct area_record *from, uintptr_t end, struct report *report);
/* V1-V4, C3-C6, F1-F4. The chunk's lock is held. */
bool chunk_check_locked(const struct chunk *chunk, struct report *report);
/* C1, C2, F1-F4. The manager's lock is held. */
bool manager_check_locked(const struct vm_manager *manager, struct range pool, struct report *report);
/* P1-P4, H1-H3. The process's lock is held; takes chunk locks. */
bool process_vm_check(struct tulou_process_vm *vm, struct report *report);
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

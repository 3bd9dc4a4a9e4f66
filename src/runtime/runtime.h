/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the state that all tasks of an instance share, and what every part of the runtime needs.
 *
 * An instance is one address space: the runtime, one pool, the guests in it, and a supervisor task that takes back what dead
 * guests owned. The runtime is freestanding: no libc, no thread-local storage. Its code runs in guests' tasks, inside the SIGSYS
 * handler, with all signals blocked, on the stack of the thread's block (process/thread.h).
 */
#ifndef TULOU_RUNTIME_H
#define TULOU_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tulou/tulou.h>
#include "host/linux/linux_host.h"
#include "host/linux/syscall.h"

struct runtime {
	struct tulou *pool;
	struct linux_host host;
	const unsigned long *host_auxv; /* as the kernel gave it to the runtime */
	uint64_t signal_mask; /* as it was when the runtime started: what the first guests inherit */
	bool sigsys_blocked, sigsys_ignored; /* the same of SIGSYS, which is always ours in truth */
	uint64_t memory_limit; /* --memory: bytes that all guests may commit together; 0: not said; UINT64_MAX: none */
	bool memory_is_machine; /* it is a part of the machine's, of which the control group may have less */
	int check_level; /* --check: how often the books are checked (tulou.h) */
	bool verbose; /* -v: say what happens, on stderr */
	bool patch; /* call sites are patched; false: --no-patch, or the processor has no rdgsbase */
	bool no_patch; /* --no-patch */
	unsigned patch_after; /* --patch-after: traps from one site until it is patched; 0: what pays */
	bool statistics; /* --stats */
	bool no_image_cache; /* --no-image-cache */
	bool exact, always_resident; /* --exact, --resident */
	bool strict; /* --strict: refuse what needs a second instance */
	bool map_at_exit; /* --map-at-exit: print the pool when a listed program ends */
	uint32_t supervisor; /* CLONE_CHILD_CLEARTID word of the supervisor: its tid, 0: there is none */
};

extern struct runtime runtime;

/* Make the pool. Called once, on a thread block, when host_auxv and check_level are set. Returns 0 or a negative errno. */
int runtime_init(void);
/* Look how much the control group lets us have, if nobody said a limit. */
void runtime_limit_memory(void);

#endif

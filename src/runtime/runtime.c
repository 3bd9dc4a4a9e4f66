/* SPDX-License-Identifier: MIT */
#include "runtime/runtime.h"

#include <asm-generic/errno.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "base/page.h"
#include "runtime/layout.h"
#include "runtime/machine.h"
#include "runtime/message.h"
#include "runtime/process/process.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"

struct runtime runtime;

enum { NUMBER_MAX = 32, HWCAP2_FSGSBASE = 2, HINT_MOST = 16 << 20 };

/* ---- what the host asks of the runtime ------------------------------------------------------------------------------------------ */

static uint32_t task_self(void *ctx)
{
	(void)ctx;
	return thread_current()->state;
}

static bool task_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return thread_token_alive(owner);
}

static _Noreturn void task_panic(void *ctx, const char *what)
{
	(void)ctx;
	message("the books contradict themselves: %s", what);
	for (;;)
		sys1(__NR_exit_group, 125);
}

static const struct linux_host_tasks tasks = {.self = task_self, .alive = task_alive, .panic = task_panic};

/* ---- the pool ------------------------------------------------------------------------------------------------------------------- */

/* The lowest address that may be mapped; the kernel's default where it does not say. */
static uintptr_t lowest_address(void)
{
	char text[NUMBER_MAX];
	unsigned long lowest = 65536;
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/sys/vm/mmap_min_addr", O_RDONLY, 0);
	long have = fd < 0 ? fd : sys3(__NR_read, fd, (long)text, sizeof text - 1);

	if (fd >= 0)
		sys1(__NR_close, fd);
	if (have > 1) {
		text[have - 1] = 0; /* the newline */
		text_parse(text, POOL_END, &lowest);
	}
	lowest = page_up(lowest);
	return lowest ? lowest : TULOU_PAGE_SIZE;
}

/* What the kernel rounds a lower hint of mmap to: its security module may have a bound of its own (CONFIG_LSM_MMAP_MIN_ADDR), which no file
 * tells, and which does not bind who maps at an address. */
static uintptr_t lowest_hint(uintptr_t lowest)
{
	long at = sys6(__NR_mmap, (long)lowest, TULOU_PAGE_SIZE, TULOU_PROT_NONE, TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, -1, 0);

	if (at < 0)
		return lowest;
	sys2(__NR_munmap, at, TULOU_PAGE_SIZE);
	return (uintptr_t)at > lowest && (uintptr_t)at <= HINT_MOST ? (uintptr_t)at : lowest;
}

static bool has_fsgsbase(void)
{
	for (const unsigned long *aux = runtime.host_auxv; aux && aux[0]; aux += 2)
		if (aux[0] == AT_HWCAP2)
			return aux[1] & HWCAP2_FSGSBASE;
	return false;
}

/* Well below what there is: a control group that runs out of memory kills, and all guests are one address space. */
static uint64_t below(uint64_t memory)
{
	return memory / 8 * 7;
}

/* What all may have when nobody said it: for now a part of the machine's. To find the control group's takes as long as a tenth of a program's
 * start, so that is done when the programs run. */
static uint64_t memory_limit(void)
{
	runtime.memory_is_machine = !runtime.memory_limit;
	if (runtime.memory_is_machine)
		runtime.memory_limit = below(machine_memory());
	return runtime.memory_limit == UINT64_MAX ? 0 : runtime.memory_limit;
}

void runtime_limit_memory(void)
{
	if (!runtime.memory_is_machine)
		return;
	runtime.memory_limit = below(machine_group_memory());
	tulou_limit_memory(runtime.pool, runtime.memory_limit);
}

int runtime_init(void)
{
	uintptr_t lowest = lowest_address();
	struct tulou_config config = {.start = lowest,
		.end = POOL_END,
		.placement_start = PLACEMENT_START,
		.hint_start = lowest_hint(lowest),
		.check_level = runtime.check_level,
		.memory_limit = memory_limit(),
		.resident = runtime.exact             ? TULOU_RESIDENT_OFF
			    : runtime.always_resident ? TULOU_RESIDENT_ALWAYS
						      : TULOU_RESIDENT_CHURN};

	runtime.patch = !runtime.no_patch && has_fsgsbase();
	sys4(__NR_rt_sigprocmask, 0, 0, (long)&runtime.signal_mask, 8);
	runtime.signal_mask &= ~SIGNAL_BIT(SIGNAL_SIGSYS);
	linux_host_init(&runtime.host, &tasks, BOOKS_BASE);
	return tulou_create(&runtime.pool, &runtime.host.host, &config);
}

/* SPDX-License-Identifier: MIT */
/*
 * linux_host.c - init, memory for the books, and waiting.
 *
 * Books lie outside the pool. With a hint they go upwards from it, each new piece right behind the last one, so that the kernel
 * keeps them as one VMA; what is given back leaves a hole that is not used again (the addresses above the hint last for good).
 *
 * Waiting uses private futexes. Their key is (address space, address): tasks made by clone(CLONE_VM) share the address space,
 * and a lock word of the books is never shared beyond it (a forked child has a copy of its own). The shared kind would look up
 * the page each time. A private waiter does not hear the kernel's wake-up of a CLONE_CHILD_CLEARTID word, which is of the shared
 * kind: that is no lock word, and who waits looks again after 10 ms anyway.
 */
#include "linux_internal.h"

#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/utsname.h>

enum { LINUX_WAIT_NS = 10 * 1000 * 1000, LINUX_BOOKS_FIRST = 512 << 10 };

/* ---- books ---------------------------------------------------------------------------------------------------------------- */

static long linux_books_mmap(uintptr_t addr, size_t size, int flags)
{
	return sys6(__NR_mmap, (long)addr, (long)size, TULOU_PROT_READ | TULOU_PROT_WRITE,
		TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE | flags, -1, 0);
}

/* Walk upwards over what others have mapped there. */
static long linux_books_mmap_up(struct linux_host *h, size_t size)
{
	for (;;) {
		uintptr_t addr = __atomic_fetch_add(&h->books_next, size, __ATOMIC_RELAXED);

		if (addr > LINUX_TASK_SIZE - size)
			return -TULOU_ENOMEM;
		if (addr + size <= h->books_ready)
			return (long)addr;
		uintptr_t from = addr < h->books_ready ? h->books_ready : addr;
		long result = linux_books_mmap(from, addr + size - from, TULOU_MAP_FIXED_NOREPLACE);

		if (result >= 0)
			return (long)addr;
		if (result != -TULOU_EEXIST)
			return result;
	}
}

static void linux_books_name(uintptr_t start, size_t size)
{
	sys5(__NR_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)start, (long)size, (long)"tulou books");
}

/* What every pool needs, in one call. */
static void linux_books_begin(struct linux_host *h)
{
	if (!h->books_next || linux_books_mmap(h->books_next, LINUX_BOOKS_FIRST, TULOU_MAP_FIXED_NOREPLACE) < 0)
		return;
	linux_books_name(h->books_next, LINUX_BOOKS_FIRST);
	h->books_ready = h->books_next + LINUX_BOOKS_FIRST;
}

static void *linux_books_map(void *ctx, size_t size)
{
	struct linux_host *h = ctx;

	if (size > LINUX_TASK_SIZE)
		return NULL;
	linux_areas_note(h, 1);
	long result = h->books_next ? linux_books_mmap_up(h, size) : linux_books_mmap(0, size, 0);

	if (result < 0)
		return NULL;
	if ((uintptr_t)result + size > h->books_ready)
		linux_books_name((uintptr_t)result, size);
	return (void *)result;
}

static void linux_books_unmap(void *ctx, void *start, size_t size)
{
	linux_areas_note(ctx, 1);
	sys2(__NR_munmap, (long)start, (long)size);
}

/* ---- tasks ---------------------------------------------------------------------------------------------------------------- */

static uint32_t linux_self(void *ctx)
{
	const struct linux_host *h = ctx;

	return h->tasks->self(h->tasks->ctx);
}

static bool linux_alive(void *ctx, uint32_t owner)
{
	const struct linux_host *h = ctx;

	return h->tasks->alive(h->tasks->ctx, owner);
}

static __attribute__((noreturn)) void linux_panic(void *ctx, const char *what)
{
	const struct linux_host *h = ctx;

	h->tasks->panic(h->tasks->ctx, what);
}

static void linux_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	const long timeout[2] = {0, LINUX_WAIT_NS}; /* struct timespec */

	(void)ctx;
	sys4(__NR_futex, (long)word, FUTEX_WAIT_PRIVATE, (long)seen, (long)timeout);
}

static void linux_wake(void *ctx, uint32_t *word, unsigned count)
{
	const unsigned most = 0x7fffffff;

	(void)ctx;
	sys3(__NR_futex, (long)word, FUTEX_WAKE_PRIVATE, (long)(count < most ? count : most));
}

/* ---- one task: for who has no tasks of its own ----------------------------------------------------------------------------- */

static uint32_t linux_one_self(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool linux_one_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return owner == 1;
}

static __attribute__((noreturn)) void linux_one_panic(void *ctx, const char *what)
{
	const char *end = what;

	(void)ctx;
	while (*end)
		end++;
	sys3(__NR_write, 2, (long)"tulou: ", 7);
	sys3(__NR_write, 2, (long)what, end - what);
	sys3(__NR_write, 2, (long)"\n", 1);
	__builtin_trap();
}

static const struct linux_host_tasks linux_one_task = {
	.self = linux_one_self, .alive = linux_one_alive, .panic = linux_one_panic};

/* ---- init ----------------------------------------------------------------------------------------------------------------- */

static unsigned linux_number(const char **text)
{
	unsigned value = 0;

	while (**text >= '0' && **text <= '9')
		value = value * 10 + (unsigned)(*(*text)++ - '0');
	return value;
}

/* Is the kernel Linux 6.`wanted` or later? */
static bool linux_since(unsigned wanted)
{
	struct new_utsname name;
	const char *release = name.release;

	if (sys1(__NR_uname, (long)&name) < 0)
		return false;
	unsigned major = linux_number(&release);
	unsigned minor = *release == '.' ? (release++, linux_number(&release)) : 0;

	return major > 6 || (major == 6 && minor >= wanted);
}

void linux_host_init(struct linux_host *h, const struct linux_host_tasks *tasks, uintptr_t books_hint)
{
	h->tasks = tasks ? tasks : &linux_one_task;
	h->books_next = books_hint;
	/* 6.12 puts back what a failed MAP_FIXED had taken away, except when a file refuses at the end (linux_pages.c). */
	h->map_restores = linux_since(12);
	h->area_full = false;
	h->host = (struct tulou_host){
		.ctx = h,
		.books_map = linux_books_map,
		.books_unmap = linux_books_unmap,
		.map = linux_map,
		.unmap = linux_unmap,
		.protect = linux_protect,
		.grow = linux_grow,
		.move = linux_move,
		.moves_many = linux_since(17),
		.remap = linux_remap,
		.grown = linux_grown,
		.zero = linux_zero,
		.advise = linux_advise,
		.sync = linux_sync,
		.resident = linux_resident,
		.lock = linux_lock,
		.file_get = linux_file_get,
		.file_syncs = linux_file_syncs,
		.file_dup = linux_file_dup,
		.file_put = linux_file_put,
		.self = linux_self,
		.alive = linux_alive,
		.wait = linux_wait,
		.wake = linux_wake,
		.panic = linux_panic,
	};
	h->books_ready = 0;
	h->mapped = 0;
	linux_books_begin(h);
	linux_areas_init(h);
}

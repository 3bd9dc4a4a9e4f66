/* SPDX-License-Identifier: MIT */
#include "runtime/process/task.h"

#include <asm-generic/errno-base.h>
#include <linux/fcntl.h>
#include <linux/futex.h>

#include "runtime/process/process.h"
#include "runtime/procfs/stream.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { RSEQ_UNREGISTER = 1, ROBUST_HEAD_SIZE = 24, TIMERS_UNKNOWN = 1024 };

long trap_set_tid_address(struct thread *thread, struct frame *frame)
{
	if (!thread->leader)
		return sys1(__NR_set_tid_address, (long)frame->context.regs.rdi);
	thread->guest_tid_address = frame->context.regs.rdi;
	return thread->process->pid;
}

long trap_rseq(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	long result = sys4(__NR_rseq, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10);

	if (result == 0) {
		thread->rseq_address = r->rdx & RSEQ_UNREGISTER ? 0 : r->rdi;
		thread->rseq_size = (uint32_t)r->rsi;
		thread->rseq_signature = (uint32_t)r->r10;
	}
	return result;
}

/* ---- POSIX timers --------------------------------------------------------------------------------------------------------------- */

long trap_timer_create(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;

	thread->process->attributes.timers = true;
	return sys3(__NR_timer_create, (long)r->rdi, (long)r->rsi, (long)r->rdx);
}

/* Their numbers are in /proc/self/timers, "ID: 3"; where there is none, they are the first. */
void task_delete_timers(struct process *process)
{
	struct lines lines;
	char *text;
	long fd;

	if (!process->attributes.timers)
		return;
	process->attributes.timers = false;
	fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/timers", O_RDONLY | O_CLOEXEC, 0);
	for (int id = 0; fd < 0 && id < TIMERS_UNKNOWN; id++)
		sys1(__NR_timer_delete, id);
	if (fd < 0)
		return;
	lines_init(&lines, (int)fd);
	while (lines_next(&lines, &text) > 0) {
		const char *number = text_after(text, "ID: ");
		if (number)
			sys1(__NR_timer_delete, (long)text_decimal(&number));
	}
	sys1(__NR_close, fd);
}

/* ---- what points into the guest's memory ---------------------------------------------------------------------------------------- */

void task_detach(struct thread *thread)
{
	if (thread->rseq_address)
		sys4(__NR_rseq, (long)thread->rseq_address, thread->rseq_size, RSEQ_UNREGISTER, thread->rseq_signature);
	thread->rseq_address = 0;
	sys2(__NR_set_robust_list, 0, ROBUST_HEAD_SIZE);
}

bool task_robust_list_empty(void)
{
	uint64_t head = 0, size = 0, first[3];

	if (sys3(__NR_get_robust_list, 0, (long)&head, (long)&size) < 0 || !head || user_read(first, head, sizeof first) < 0)
		return true;
	return first[0] == head && !first[2]; /* the list, and list_op_pending */
}

/* kernel/futex/core.c: handle_futex_death(). `entry` is a list entry of the guest's; its lowest bit marks a mutex with inherited priority,
 * which is the kernel's to hand over when the task ends. */
static void robust_die(struct thread *thread, uint64_t entry, int64_t offset, uint32_t tid)
{
	uint64_t address = (entry & ~1ul) + (uint64_t)offset;
	uint32_t *word = (uint32_t *)address, seen;

	if (entry & 1 || address & 3 ||
		!tulou_access_ok(thread->process->vm, address, sizeof *word, TULOU_PROT_READ | TULOU_PROT_WRITE))
		return;
	seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	do {
		if ((seen & FUTEX_TID_MASK) != tid)
			return;
	} while (!__atomic_compare_exchange_n(
		word, &seen, (seen & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	if (seen & FUTEX_WAITERS)
		sys3(__NR_futex, (long)word, FUTEX_WAKE, 1);
}

void task_robust_list_die(struct thread *thread)
{
	uint64_t head = 0, size = 0, fixed[3], entry, next; /* struct robust_list_head: first, offset, pending */
	uint32_t tid = (uint32_t)sys0(__NR_gettid);

	if (sys3(__NR_get_robust_list, 0, (long)&head, (long)&size) < 0 || !head || user_read(fixed, head, sizeof fixed) < 0)
		return;
	entry = fixed[0];
	for (unsigned n = 0; (entry & ~1ul) != head && n < ROBUST_LIST_LIMIT; n++) {
		if (user_read(&next, entry & ~1ul, sizeof next) < 0)
			break;
		if (entry != fixed[2])
			robust_die(thread, entry, (int64_t)fixed[1], tid);
		entry = next;
	}
	if (fixed[2])
		robust_die(thread, fixed[2], (int64_t)fixed[1], tid);
}

void task_wait(uint32_t *word, uint32_t seen, unsigned milliseconds)
{
	struct {
		long seconds, nanoseconds;
	} timeout = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
	sys4(__NR_futex, (long)word, FUTEX_WAIT, seen, (long)&timeout);
}

void task_wake(uint32_t *word)
{
	sys3(__NR_futex, (long)word, FUTEX_WAKE, INT32_MAX);
}

void task_clear_guest_tid(struct thread *thread)
{
	uint32_t zero = 0;

	if (!thread->leader || !thread->guest_tid_address)
		return;
	user_write(thread->guest_tid_address, &zero, sizeof zero);
	task_wake((uint32_t *)thread->guest_tid_address);
}

/* SPDX-License-Identifier: MIT */
#include "runtime/process/limits.h"

#include <asm-generic/errno-base.h>
#include <linux/resource.h>

#include "runtime/process/process.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

struct limits limits_initial;

static const int resources[LIMIT_COUNT] = {[LIMIT_AS] = RLIMIT_AS, [LIMIT_DATA] = RLIMIT_DATA};

static int limit_index(int resource)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (resources[i] == resource)
			return i;
	return -1;
}

static void kernel_set(int index, const struct limit *limit)
{
	sys4(__NR_prlimit64, 0, resources[index], (long)limit, 0);
}

void limits_begin(void)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		struct limit open;
		sys4(__NR_prlimit64, 0, resources[i], 0, (long)&limits_initial.of[i]);
		open = (struct limit){limits_initial.of[i].hard, limits_initial.of[i].hard};
		kernel_set(i, &open);
	}
}

/* As the kernel: no data at all means the hard limit (mm/vma.c: may_expand_vm). */
void limits_set(struct tulou_process_vm *vm, const struct limits *limits)
{
	const struct limit *data = &limits->of[LIMIT_DATA];

	tulou_process_vm_limit(vm, limits->of[LIMIT_AS].soft, data->soft ? data->soft : data->hard);
}

bool limits_none(const struct limits *limits)
{
	return limits->of[LIMIT_AS].soft == UINT64_MAX && limits->of[LIMIT_DATA].soft == UINT64_MAX;
}

void limits_apply(const struct process *process)
{
	limits_set(process->vm, &process->limits);
}

bool limits_refuse_break(const struct process *process, uintptr_t brk)
{
	uintptr_t heap = process->layout.heap_start;

	return brk >= heap && brk - heap > process->limits.of[LIMIT_DATA].soft;
}

/* Only the soft ones: a hard limit that is lowered cannot be raised again if the exec fails. */
void limits_leave(const struct process *process)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		struct limit limit = {process->limits.of[i].soft, limits_initial.of[i].hard};
		kernel_set(i, &limit);
	}
}

void limits_return(void)
{
	for (int i = 0; i < LIMIT_COUNT; i++) {
		struct limit open = {limits_initial.of[i].hard, limits_initial.of[i].hard};
		kernel_set(i, &open);
	}
}

/* ---- the calls ----------------------------------------------------------------------------------------------------------------- */

static long limit_set(struct process *process, int index, const struct limit *new)
{
	struct limit *limit = &process->limits.of[index];

	if (new->soft > new->hard)
		return -EINVAL;
	if (new->hard > limit->hard && sys0(__NR_geteuid) != 0)
		return -EPERM;
	*limit = *new;
	/* A vfork child's limits are its own, its parent's memory is not. */
	if (tulou_process_vm_exclusive(process->vm))
		limits_apply(process);
	return 0;
}

static long limit_call(struct process *process, int index, uint64_t new_address, uint64_t old_address)
{
	struct limit new, old = process->limits.of[index];

	if (new_address) {
		long result;
		if (user_read(&new, new_address, sizeof new) < 0)
			return -EFAULT;
		result = limit_set(process, index, &new);
		if (result < 0)
			return result;
	}
	return old_address ? user_write(old_address, &old, sizeof old) : 0;
}

long trap_prlimit64(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int index = limit_index((int)r->rsi);
	int pid = (int)r->rdi;
	struct process *own = thread->process, *process = !pid || pid == own->pid ? own : process_find(pid);

	if (index < 0 || !process)
		return sys4(__NR_prlimit64, pid, (long)r->rsi, (long)r->rdx, (long)r->r10);
	return limit_call(process, index, r->rdx, r->r10);
}

long trap_setrlimit(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int index = limit_index((int)r->rdi);

	if (index < 0)
		return sys2(__NR_setrlimit, (long)r->rdi, (long)r->rsi);
	return r->rsi ? limit_call(thread->process, index, r->rsi, 0) : -EFAULT;
}

long trap_getrlimit(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int index = limit_index((int)r->rdi);

	if (index < 0)
		return sys2(__NR_getrlimit, (long)r->rdi, (long)r->rsi);
	return r->rsi ? limit_call(thread->process, index, 0, r->rsi) : -EFAULT;
}

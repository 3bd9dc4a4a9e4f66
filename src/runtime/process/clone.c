/* SPDX-License-Identifier: MIT */
/*
 * clone.c - fork, vfork, clone: threads, processes that share the address space, and copies of it.
 *
 *     CLONE_THREAD            a task of the same process: its own block, the rest native
 *     CLONE_VM (vfork, spawn) a process slot of its own, on its parent's process VM until it execs. CLONE_VFORK is not given to the
 *                             kernel, which would wait for a real exec: the parent waits on the child's word (process.h)
 *     else (fork)             the kernel copies the address space; the child is an instance of its own, with one process
 *
 * Every new task enters guest code through a copy of its creator's signal frame that lies at the top of its own block: rt_sigreturn
 * sets its registers, mask and alternate stack. One whose creator called from a patched site goes on as that call does
 * (trap/fast.h).
 */
#include "runtime/process/clone.h"

#include <asm-generic/errno.h>

#include "base/mem.h"
#include "runtime/image/image.h"
#include "runtime/message.h"
#include "runtime/process/exit.h"
#include "runtime/process/task.h"
#include "runtime/seccomp/filters.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/text.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/signal.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { SIGCHLD_NUMBER = 17, VFORK_LOOK_AGAIN = 50 };

/* The kernel's clone(2) has one argument for both; with a pidfd, CLONE_PARENT_SETTID is ours to do. */
static uint64_t parent_word(const struct clone_request *request)
{
	return request->flags & CLONE_PIDFD ? request->pidfd : request->parent_tid;
}

static void parent_set_tid(const struct clone_request *request, long tid)
{
	uint32_t word = (uint32_t)tid;

	if (request->flags & CLONE_PARENT_SETTID)
		user_write(request->parent_tid, &word, sizeof word);
}

/* Lay down how the new task enters guest code, with `stack` or its creator's (0). Returns where its first steps have their
 * stack. */
static void *child_prepare(struct thread *child, const struct thread *creator, const struct frame *frame, uint64_t stack)
{
	struct frame *copy;

	if (fast_is(creator, frame)) {
		fast_prepare(child, creator, stack);
		return thread_stack_top(child);
	}
	copy = frame_copy((uintptr_t)thread_stack_top(child), frame);
	copy->context.regs.rax = 0;
	if (stack)
		copy->context.regs.rsp = stack;
	trap_frame_stack(copy, child);
	child->entry_frame = copy;
	return copy;
}

static _Noreturn void child_enter(struct thread *child)
{
	fast_begin(child);
	if (!child->entry_frame)
		fast_enter(child);
	frame_return(child->entry_frame);
}

/* ---- threads ---------------------------------------------------------------------------------------------------------------- */

static void thread_begin(void *argument)
{
	struct thread *thread = argument;
	thread->tid = (int)sys0(__NR_gettid);
	child_enter(thread);
}

static long clone_thread(struct thread *thread, struct frame *frame, const struct clone_request *request)
{
	struct process *process = thread->process;
	struct thread *child;
	uint64_t flags;
	void *stack;
	long tid;

	if (!(request->flags & CLONE_VM) || !(request->flags & CLONE_SIGHAND))
		return -EINVAL;
	child = thread_claim(process);
	if (!child)
		return -EAGAIN;
	filters_lock(process);
	filters_inherit(child, thread);
	child->sigsys_blocked = thread->sigsys_blocked;
	child->gs_is_guests = !fast_has_gs(thread);
	stack = child_prepare(child, thread, frame, request->stack);
	__atomic_add_fetch(&process->thread_count, 1, __ATOMIC_ACQ_REL);
	flags = request->flags & ~(uint64_t)CLONE_VFORK;
	if (flags & CLONE_PIDFD)
		flags &= ~(uint64_t)CLONE_PARENT_SETTID;
	tid = clone_task(flags, stack, (uint32_t *)parent_word(request), (uint32_t *)request->child_tid, request->tls,
		thread_begin, child);
	filters_unlock(process);
	if (tid < 0) {
		__atomic_sub_fetch(&process->thread_count, 1, __ATOMIC_ACQ_REL);
		thread_release(child);
	} else if (request->flags & CLONE_PIDFD) {
		parent_set_tid(request, tid);
	}
	return tid;
}

/* ---- processes that share the address space ------------------------------------------------------------------------------------ */

static void process_begin(void *argument)
{
	struct thread *thread = argument;
	uint32_t tid = thread->process->word & WORD_TID; /* CLONE_CHILD_SETTID */

	thread->tid = thread->process->pid = (int)tid;
	if (thread->set_child_tid)
		user_write(thread->set_child_tid, &tid, sizeof tid);
	if (thread->clear_signals)
		signal_reset(thread->process);
	child_enter(thread);
}

/* A slot and a block for a child of `thread`'s process, whose filters_lock is held. */
static struct thread *child_create(struct thread *thread, const struct clone_request *request)
{
	struct process *parent = thread->process, *child = process_claim(thread->state);
	struct thread *first = child ? thread_claim(child) : NULL;

	if (!first) {
		if (child)
			process_reclaim(child, process_tag(child));
		return NULL;
	}
	tulou_process_vm_share(parent->vm, &child->vm);
	child->thread_count = 1;
	child->layout = parent->layout;
	child->limits = parent->limits;
	child->attributes = attributes_inherited(&parent->attributes, false);
	signal_actions_inherit(child, parent);
	memcpy(child->exe, parent->exe, text_length(parent->exe) + 1);
	patch_share(parent, child);
	first->leader = true;
	first->gs_is_guests = !fast_has_gs(thread);
	first->sigsys_blocked = thread->sigsys_blocked;
	if (request->flags & CLONE_VFORK) /* the kernel keeps the alternate stack in a vfork child only */
		first->guest_stack = thread->guest_stack;
	if (request->flags & CLONE_CHILD_CLEARTID)
		first->guest_tid_address = request->child_tid;
	if (request->flags & CLONE_CHILD_SETTID)
		first->set_child_tid = request->child_tid;
	first->clear_signals = request->clear_signals;
	if (!filters_inherit(first, thread))
		return first;
	process_reclaim(child, process_tag(child));
	return NULL;
}

/* As vfork(2): until the child no longer uses the parent's memory. Nobody else looks after it meanwhile; should the parent die, it
 * is an orphan (process.h). False: it has ended. */
static bool vfork_wait(struct thread *thread, struct process *child)
{
	for (;;) {
		uint32_t word = __atomic_load_n(&child->word, __ATOMIC_ACQUIRE);
		if (!word)
			return child->leader_exited;
		if (word & WORD_RELEASED)
			return true;
		if (__atomic_load_n(&thread->process->exiting, __ATOMIC_ACQUIRE))
			exit_thread_asked(thread);
		task_wait(&child->word, word, VFORK_LOOK_AGAIN);
	}
}

static long clone_shared(struct thread *thread, struct frame *frame, const struct clone_request *request)
{
	const uint64_t ours = CLONE_VFORK | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SIGHAND;
	const uint64_t slot_flags = request->flags & CLONE_PIDFD ? 0 : CLONE_PARENT_SETTID;
	struct thread *first;
	struct process *child;
	void *stack;
	long pid = supervisor_ensure();

	if (pid < 0)
		return pid;
	filters_lock(thread->process);
	first = child_create(thread, request);
	if (!first) {
		filters_unlock(thread->process);
		return -EAGAIN;
	}
	child = first->process;
	stack = child_prepare(first, thread, frame, request->stack);
	/* The pid stands in the slot before the child runs: whoever follows a dead creator knows whether there is a task. With a
	 * pidfd, which wants the kernel's one word, the child says it itself. */
	pid = clone_task((request->flags & ~ours) | slot_flags | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, stack,
		slot_flags ? (uint32_t *)&child->pid : (uint32_t *)request->pidfd, &child->word, request->tls, process_begin,
		first);
	filters_unlock(thread->process);
	if (pid < 0) {
		process_reclaim(child, process_tag(child));
		return pid;
	}
	parent_set_tid(request, pid);
	child->pid = (int)pid;
	if (request->flags & CLONE_VFORK && !vfork_wait(thread, child))
		process_reclaim(child, process_tag(child)); /* as the supervisor would, but warm */
	else
		supervisor_watch(child);
	return pid;
}

/* ---- copies of the address space ------------------------------------------------------------------------------------------------ */

/* In the child: the only task of an instance of its own. */
static void copy_begin(struct thread *thread, struct frame *frame, const struct clone_request *request)
{
	struct process *process = thread->process;

	process->pid = thread->tid = (int)sys0(__NR_getpid);
	process->word = (uint32_t)process->pid | WORD_RELEASED;
	process->thread_count = 1;
	process->leader_exited = process->listed = process->executed = false;
	process->traced = NOT_TRACED;
	lock_init(&process->filters_lock);
	process->exiting = process->watched = 0;
	process->complete = 1;
	thread->leader = true;
	thread->guest_tid_address = request->flags & CLONE_CHILD_CLEARTID ? request->child_tid : 0;
	sys1(__NR_set_tid_address, (long)&process->word);
	process->attributes = attributes_inherited(&process->attributes, true);
	process->resident_peak = 0;
	thread->fast.deferred = 0; /* the parent has it */
	thread_forget_others(thread);
	process_forget_others(process);
	patch_forget_others(process);
	images_forget_others(process);
	attributes_apply();
	supervisor_forget();
	tulou_fork_child(runtime.pool, process->vm);
	tulou_process_vm_set_id(process->vm, (uint32_t)process->pid);
	if (request->clear_signals)
		signal_reset(process);
	if (request->stack)
		frame->context.regs.rsp = request->stack;
}

/* The kernel's part of it. The child goes on behind the frame as its parent does; its stack and signals are set there. */
static long copy_task(const struct clone_request *request)
{
	struct clone_args args;

	if (!request->kernel)
		return sys5(__NR_clone, (long)(request->flags & ~(uint64_t)CLONE_VFORK), 0, (long)request->parent_tid,
			(long)request->child_tid, (long)request->tls);
	args = *request->kernel;
	args.flags &= ~((uint64_t)CLONE_VFORK | CLONE_CLEAR_SIGHAND);
	args.stack = args.stack_size = 0;
	return sys2(__NR_clone3, (long)&args, sizeof args);
}

static long clone_copy(struct thread *thread, struct frame *frame, const struct clone_request *request)
{
	long pid;

	if (runtime.strict) {
		message("--strict: process %d wants to fork, which makes a second instance", thread->process->pid);
		return -EAGAIN;
	}
	filters_lock(thread->process);
	tulou_fork_prepare(runtime.pool, thread->process->vm);
	pid = copy_task(request);
	if (pid == 0) {
		copy_begin(thread, frame, request);
	} else {
		tulou_fork_parent(runtime.pool, thread->process->vm);
		filters_unlock(thread->process);
	}
	if (pid > 0 && runtime.verbose)
		message("process %d forked: process %ld is an instance of its own", thread->process->pid, pid);
	return pid;
}

/* ---- the calls ---------------------------------------------------------------------------------------------------------------- */

long clone_any(struct thread *thread, struct frame *frame, const struct clone_request *request)
{
	if (request->flags & CLONE_THREAD)
		return clone_thread(thread, frame, request);
	if (request->flags & CLONE_VM)
		return clone_shared(thread, frame, request);
	return clone_copy(thread, frame, request);
}

long trap_clone(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct clone_request request = {.flags = r->rdi & 0xffffffffu,
		.stack = r->rsi,
		.parent_tid = r->rdx,
		.pidfd = r->rdx,
		.child_tid = r->r10,
		.tls = r->r8};

	if (request.flags & CLONE_PIDFD && request.flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return clone_any(thread, frame, &request);
}

long trap_fork(struct thread *thread, struct frame *frame)
{
	struct clone_request request = {.flags = SIGCHLD_NUMBER};
	return clone_any(thread, frame, &request);
}

long trap_vfork(struct thread *thread, struct frame *frame)
{
	struct clone_request request = {.flags = CLONE_VM | CLONE_VFORK | SIGCHLD_NUMBER};
	return clone_any(thread, frame, &request);
}

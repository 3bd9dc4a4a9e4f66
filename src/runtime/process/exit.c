/* SPDX-License-Identifier: MIT */
/*
 * exit.c - the end of threads and processes.
 *
 * exit_group gives the memory back before the real exit, so that whoever waits for the process sees it gone. For that nothing may
 * run in that memory any more: the other threads are asked to end (SIGSYS by tgkill, which no thread blocks), and what the
 * kernel would still write there is taken back (task_detach). When that cannot be had, or a robust mutex is held, which the
 * kernel must see, the supervisor takes the memory back after the exit.
 */
#include "runtime/process/exit.h"

#include "runtime/image/image.h"
#include "runtime/process/task.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/trap/entry.h"
#include "runtime/trap/trap.h"

enum { SIBLINGS_LOOKS = 400, SIBLINGS_PAUSE_NS = 50000, SIG_UNBLOCK = 1 };

struct asking {
	struct thread *asker;
};

static void ask(struct thread *thread, void *arg)
{
	const struct asking *asking = arg;

	if (thread != asking->asker && thread->tid)
		sys3(__NR_tgkill, asking->asker->process->pid, thread->tid, SIGNAL_SIGSYS);
}

bool exit_siblings(struct thread *thread)
{
	struct process *process = thread->process;
	struct asking asking = {thread};
	const struct {
		long seconds, nanoseconds;
	} pause = {0, SIBLINGS_PAUSE_NS};

	if (__atomic_load_n(&process->thread_count, __ATOMIC_ACQUIRE) <= 1)
		return true;
	__atomic_store_n(&process->exiting, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < SIBLINGS_LOOKS; i++) {
		if (i % 20 == 0) /* again now and then: a thread that was being born has its tid by now */
			thread_each(process, ask, &asking);
		if (__atomic_load_n(&process->thread_count, __ATOMIC_ACQUIRE) <= 1) {
			__atomic_store_n(&process->exiting, 0, __ATOMIC_RELEASE);
			return true;
		}
		sys2(__NR_nanosleep, (long)&pause, 0);
	}
	return false;
}

_Noreturn void exit_thread_asked(struct thread *thread)
{
	if (task_robust_list_empty())
		task_detach(thread);
	if (!thread->leader)
		sys1(__NR_set_tid_address, 0);
	else
		thread->process->leader_exited = true;
	__atomic_sub_fetch(&thread->process->thread_count, 1, __ATOMIC_ACQ_REL);
	thread_leave(thread, 0);
}

/* Give the memory back while the process still is, when that can be done. */
static void give_back_early(struct thread *thread)
{
	struct process *process = thread->process;

	if (!supervisor_running() || !task_robust_list_empty())
		return; /* alone in its address space: the kernel does it */
	task_detach(thread);
	if (process_leave(process)) {
		images_shelve(process);
		process_give_back(process);
	}
}

static void last_words(struct process *process)
{
	if (process->listed && runtime.map_at_exit)
		supervisor_print_map(process);
}

long trap_exit_group(struct thread *thread, struct frame *frame)
{
	struct process *process = thread->process;

	if (exit_siblings(thread)) {
		last_words(process);
		give_back_early(thread);
	}
	sys1(__NR_exit_group, (int)frame->context.regs.rdi);
	__builtin_unreachable();
}

/* The thread ends, and others of its process go on. */
static void leave_siblings(struct thread *thread)
{
	if (thread->leader)
		thread->process->leader_exited = true;
	task_clear_guest_tid(thread);
	__atomic_sub_fetch(&thread->process->thread_count, 1, __ATOMIC_ACQ_REL);
}

long trap_exit(struct thread *thread, struct frame *frame)
{
	struct process *process = thread->process;
	int status = (int)frame->context.regs.rdi;

	if (__atomic_load_n(&process->thread_count, __ATOMIC_ACQUIRE) == 1) {
		last_words(process);
		task_clear_guest_tid(thread);
		give_back_early(thread);
		sys1(__NR_exit, status);
		__builtin_unreachable();
	}
	leave_siblings(thread);
	thread_leave(thread, status);
}

_Noreturn void exit_thread_killed(struct thread *thread)
{
	uint64_t none = 0;

	if (__atomic_load_n(&thread->process->thread_count, __ATOMIC_ACQUIRE) == 1)
		thread_kill_now(&none, 0); /* the supervisor takes back what it had */
	leave_siblings(thread);
	thread_leave_killed(thread);
}

_Noreturn void exit_by_signal(struct process *process, int signo)
{
	const uint64_t action[4] = {0}, bit = SIGNAL_BIT(signo);

	sys4(__NR_rt_sigaction, signo, (long)action, 0, 8);
	sys3(__NR_tgkill, process->pid, sys0(__NR_gettid), signo);
	sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, (long)&bit, 0, 8);
	for (;;)
		sys1(__NR_exit_group, 128 + signo);
}

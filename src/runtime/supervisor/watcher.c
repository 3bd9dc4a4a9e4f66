/* SPDX-License-Identifier: MIT */
/*
 * watcher.c - the supervisor's second thread: sleeps until a guest asks for something (a futex that guests can reach; epoll
 * descriptors they cannot), and does it.
 */
#include <asm-generic/errno.h>
#include <linux/eventpoll.h>
#include <linux/sched.h>

#include "runtime/process/task.h"
#include "runtime/supervisor/internal.h"

enum { LEAVING_LOOK_AGAIN = 5, IDLE = 1000000 };
enum { MAP_WANTED = 1 };

int watch_add(int pid, struct process *process)
{
	long pidfd = sys2(__NR_pidfd_open, pid, 0);
	struct epoll_event event = {.events = EPOLLIN};

	if (pidfd < 0)
		return (int)pidfd;
	/* Alive now, or the pid may be another's. (A leader that ended alone has no word any more, but its pid is still its own.) */
	if (process && !__atomic_load_n(&process->word, __ATOMIC_ACQUIRE) && !process->leader_exited) {
		sys1(__NR_close, pidfd);
		return -ESRCH;
	}
	for (uint32_t i = 0; i < WATCH_COUNT; i++) {
		struct watch *watch = &supervisor.watches[i];
		int none = 0;
		if (i >= __atomic_load_n(&supervisor.watches_used, __ATOMIC_ACQUIRE))
			__atomic_store_n(&supervisor.watches_used, i + 1,
				__ATOMIC_RELEASE); /* only the watcher adds, or nobody else yet */
		if (!__atomic_compare_exchange_n(&watch->pidfd, &none, (int)pidfd, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		watch->pid = pid;
		watch->process = process;
		watch->generation = process ? process->generation : 0;
		if (process)
			__atomic_store_n(&process->watched, supervisor.epoch, __ATOMIC_RELEASE);
		event.data = i;
		return (int)sys4(__NR_epoll_ctl, supervisor.epoll, EPOLL_CTL_ADD, pidfd, (long)&event);
	}
	sys1(__NR_close, pidfd);
	return -EAGAIN;
}

void watch_unborn(void)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		if (!process_is_unborn(process))
			continue;
		if (process->pid)
			supervisor_watch(process);
		else
			process_reclaim(process);
	}
}

/* Take a process back that nobody watches, and let the main thread see it. */
static void reclaim(struct process *process)
{
	const uint64_t one = 1;

	process_reclaim(process);
	watch_unborn();
	sys3(__NR_write, supervisor.wake, (long)&one, sizeof one);
}

static void take_arrived(void)
{
	struct process *process = __atomic_exchange_n(&supervisor.arrived, NULL, __ATOMIC_ACQ_REL);

	while (process) {
		struct process *next = process->watch_next;
		__atomic_store_n(&process->queued, 0, __ATOMIC_RELEASE);
		if (process->watched != supervisor.epoch && watch_add(process->pid, process) == -ESRCH)
			reclaim(process);
		process = next;
	}
}

/* Processes in a real execve that have left; true when some are still on their way. */
static bool take_left(void)
{
	bool more = false;

	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		if (process_state(process) != PROCESS_LIVE ||
			__atomic_load_n(&process->watched, __ATOMIC_ACQUIRE) != supervisor.epoch ||
			!__atomic_load_n(&process->leaving, __ATOMIC_ACQUIRE))
			continue;
		if (__atomic_load_n(&process->word, __ATOMIC_ACQUIRE))
			more = true;
		else
			reclaim(process);
	}
	return more;
}

static void print_maps(void)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		if (__atomic_load_n(&process->map_wanted, __ATOMIC_ACQUIRE) != MAP_WANTED)
			continue;
		control_print_map();
		__atomic_store_n(&process->map_wanted, 0, __ATOMIC_RELEASE);
		task_wake(&process->map_wanted);
	}
}

void watcher_look(void)
{
	take_arrived();
	print_maps();
}

static void watcher_main(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&supervisor.stop, __ATOMIC_ACQUIRE)) {
		uint32_t event = __atomic_load_n(&supervisor.event, __ATOMIC_ACQUIRE);
		bool soon;
		watcher_look();
		soon = take_left();
		task_wait(&supervisor.event, event, soon ? LEAVING_LOOK_AGAIN : IDLE);
	}
	__atomic_store_n(&supervisor.watching, 0, __ATOMIC_RELEASE);
	task_wake(&supervisor.watching);
	thread_leave(thread_current(), 0);
}

int watcher_start(void)
{
	long tid;

	supervisor.watcher = thread_claim(NULL);
	if (!supervisor.watcher)
		return -ENOMEM;
	supervisor.watching = 1;
	tid = clone_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		thread_stack_top(supervisor.watcher), NULL, NULL, 0, watcher_main, NULL);
	if (tid < 0) {
		supervisor.watching = 0;
		thread_release(supervisor.watcher);
	}
	return tid < 0 ? (int)tid : 0;
}

/* ---- for guests' tasks ------------------------------------------------------------------------------------------------------- */

static void ask(void)
{
	__atomic_add_fetch(&supervisor.event, 1, __ATOMIC_ACQ_REL);
	task_wake(&supervisor.event);
}

void watcher_stop(void)
{
	__atomic_store_n(&supervisor.stop, 1, __ATOMIC_RELEASE);
	ask();
	while (__atomic_load_n(&supervisor.watching, __ATOMIC_ACQUIRE))
		task_wait(&supervisor.watching, 1, 100);
}

void supervisor_watch(struct process *process)
{
	__atomic_store_n(&process->complete, 1, __ATOMIC_RELEASE);
	if (__atomic_exchange_n(&process->queued, 1, __ATOMIC_ACQ_REL))
		return;
	process->watch_next = __atomic_load_n(&supervisor.arrived, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(
		&supervisor.arrived, &process->watch_next, process, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	ask();
}

void supervisor_leaving(struct process *process, bool leaving)
{
	__atomic_store_n(&process->leaving, leaving, __ATOMIC_RELEASE);
	if (leaving && supervisor_running())
		ask();
}

void supervisor_print_map(struct process *process)
{
	__atomic_store_n(&process->map_wanted, MAP_WANTED, __ATOMIC_RELEASE);
	ask();
	while (supervisor_running() && __atomic_load_n(&process->map_wanted, __ATOMIC_ACQUIRE) == MAP_WANTED)
		task_wait(&process->map_wanted, MAP_WANTED, 100);
}

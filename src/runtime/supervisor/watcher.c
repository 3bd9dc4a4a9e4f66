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

enum { LOOK_AGAIN = 5, IDLE = 1000000 }; /* ms */
enum { MAP_WANTED = 1 };

/* A leader that ended alone has no word any more, but its pid is still its own. */
static bool has_ended(const struct process *process)
{
	return process && !__atomic_load_n(&process->word, __ATOMIC_ACQUIRE) && !process->leader_exited;
}

int watch_add(int pid, struct process *process, uint64_t tag)
{
	long pidfd = sys2(__NR_pidfd_open, pid, 0);
	struct epoll_event event = {.events = EPOLLIN};

	/* Alive now, or the pid may be another's. */
	if (has_ended(process)) {
		if (pidfd >= 0)
			sys1(__NR_close, pidfd);
		return -ESRCH;
	}
	if (pidfd < 0)
		return (int)pidfd;
	for (uint32_t i = 0; i < WATCH_COUNT; i++) {
		struct watch *watch = &watches[i];
		int none = 0;
		if (i >= __atomic_load_n(&supervisor.watches_used, __ATOMIC_ACQUIRE))
			__atomic_store_n(&supervisor.watches_used, i + 1,
				__ATOMIC_RELEASE); /* only the watcher adds, or nobody else yet */
		if (!__atomic_compare_exchange_n(&watch->pidfd, &none, (int)pidfd, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		watch->pid = pid;
		watch->process = process;
		watch->generation = tag_generation(tag);
		if (process)
			__atomic_store_n(&process->watched, supervisor.epoch, __ATOMIC_RELEASE);
		event.data = i;
		return (int)sys4(__NR_epoll_ctl, supervisor.epoll, EPOLL_CTL_ADD, pidfd, (long)&event);
	}
	sys1(__NR_close, pidfd);
	return -EAGAIN;
}

static void ask(void)
{
	__atomic_add_fetch(&supervisor.event, 1, __ATOMIC_ACQ_REL);
	task_wake(&supervisor.event);
}

static bool is_watched(const struct process *process, uint64_t tag)
{
	return tag_is_taken(tag) && __atomic_load_n(&process->watched, __ATOMIC_ACQUIRE) == supervisor.epoch;
}

void watch_orphans(void)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		uint64_t tag = process_tag(process_at(slot));

		if (!is_watched(process_at(slot), tag) && process_is_orphan(tag)) {
			ask();
			return;
		}
	}
}

static bool reclaimed; /* in this look */

/* Take back what nobody watches. Whoever was creating something in its turn is dead now. */
static void reclaim(struct process *process, uint64_t tag)
{
	process_reclaim(process, tag);
	watch_orphans();
	reclaimed = true;
}

/* Watch it from now on if it is ready, or its creator will not say so any more: then a pid tells whether there is a task. True: it could
 * not be watched for now. */
static bool take_new(struct process *process)
{
	uint64_t tag = process_tag(process);
	bool orphan, ready;
	int pid, error;

	if (tag_state(tag) == PROCESS_FREE || is_watched(process, tag))
		return false;
	orphan = process_is_orphan(tag);
	ready = tag_is_taken(tag) && (orphan || __atomic_load_n(&process->complete, __ATOMIC_ACQUIRE));
	pid = __atomic_load_n(&process->pid, __ATOMIC_ACQUIRE);
	if (process_tag(process) != tag)
		return false; /* another one, who will say so */
	error = ready && pid ? watch_add(pid, process, tag) : 0;
	if (error == -ESRCH || (orphan && !(ready && pid)))
		reclaim(process, tag);
	return error && error != -ESRCH;
}

/* Processes in a real execve that have left; true when some are still on their way. */
static bool take_left(void)
{
	bool more = false;

	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		uint64_t tag = process_tag(process);
		if (!is_watched(process, tag) || !__atomic_load_n(&process->leaving, __ATOMIC_ACQUIRE))
			continue;
		if (__atomic_load_n(&process->word, __ATOMIC_ACQUIRE))
			more = true;
		else
			reclaim(process, tag);
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

bool watcher_look(void)
{
	const uint64_t one = 1;
	bool more = false;

	reclaimed = false;
	for (unsigned slot = 0; slot < process_slots(); slot++)
		more |= take_new(process_at(slot));
	print_maps();
	more |= take_left();
	if (reclaimed) /* the main thread waits for all to be gone */
		sys3(__NR_write, supervisor.wake, (long)&one, sizeof one);
	return more;
}

/*
 * Until something is asked for. Most processes that are started end before anybody has to watch them: to be woken for each would cost as much
 * as a tenth of its life. So after the first the watcher only dozes, and looks at all of them together, until none has come for a moment.
 */
static void watcher_sleep(uint32_t event, uint32_t births, bool soon)
{
	static uint32_t seen; /* births, when it dozed off last */
	bool doze = soon || births != seen;

	seen = births;
	__atomic_store_n(&supervisor.dozing, doze, __ATOMIC_SEQ_CST);
	if (doze || __atomic_load_n(&supervisor.births, __ATOMIC_SEQ_CST) == births)
		task_wait(&supervisor.event, event, doze ? LOOK_AGAIN : IDLE);
}

static void watcher_main(void *argument)
{
	(void)argument;
	thread_current()->tid = (int)sys0(__NR_gettid);
	while (!__atomic_load_n(&supervisor.stop, __ATOMIC_ACQUIRE)) {
		uint32_t event = __atomic_load_n(&supervisor.event, __ATOMIC_ACQUIRE);
		uint32_t births = __atomic_load_n(&supervisor.births, __ATOMIC_ACQUIRE);

		watcher_sleep(event, births, watcher_look());
	}
	supervisor.watcher = NULL;
	sys1(__NR_set_tid_address, 0); /* the block may be another's when we are gone */
	__atomic_store_n(&supervisor.watching, 0, __ATOMIC_RELEASE);
	task_wake(&supervisor.watching);
	thread_leave(thread_current(), 0);
}

int watcher_start(void)
{
	struct thread *thread = thread_claim(NULL);
	long tid;

	if (!thread)
		return -ENOMEM;
	thread->life = &thread->word;
	supervisor.watcher = thread;
	supervisor.watching = 1;
	tid = clone_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
				 CLONE_CHILD_CLEARTID,
		thread_stack_top(thread), &thread->word, &thread->word, 0, watcher_main, NULL);
	if (tid < 0) {
		supervisor.watching = 0;
		supervisor.watcher = NULL;
		thread_release(thread);
	}
	return tid < 0 ? (int)tid : 0;
}

/* ---- for guests' tasks ------------------------------------------------------------------------------------------------------- */

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
	__atomic_add_fetch(&supervisor.births, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&supervisor.dozing, __ATOMIC_SEQ_CST))
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

/* SPDX-License-Identifier: MIT */
#include "runtime/supervisor/supervisor.h"

#include <asm-generic/errno.h>
#include <linux/eventpoll.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>

#include "base/mem.h"
#include "runtime/image/image.h"
#include "runtime/process/task.h"
#include "runtime/supervisor/internal.h"
#include "runtime/trap/trap.h"

enum { SIG_BLOCK = 0, EVENTS_AT_ONCE = 16, WATCHER_AFTER = 20 /* ms */, TRIM_EVERY = 2 /* s */, FOREVER = -1 };
enum { SI_USER = 0, SI_QUEUE = -1, SI_TKILL = -6 };
enum { HUP = 1, INT = 2, QUIT = 3, USR1 = 10, USR2 = 12, ALRM = 14, TERM = 15, WINCH = 28 };
#define STARTING 0x40000000u

struct supervisor supervisor;

static uint32_t starting; /* futex: a task starts a supervisor; only one may, the others wait for it */

static const uint64_t passed_on = SIGNAL_BIT(HUP) | SIGNAL_BIT(INT) | SIGNAL_BIT(QUIT) | SIGNAL_BIT(USR1) | SIGNAL_BIT(USR2) |
				  SIGNAL_BIT(ALRM) | SIGNAL_BIT(TERM) | SIGNAL_BIT(WINCH);

bool supervisor_running(void)
{
	return __atomic_load_n(&runtime.supervisor, __ATOMIC_ACQUIRE) != 0;
}

void supervisor_announce(void)
{
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, (long)&passed_on, 0, 8); /* until signals_open: they wait */
	sys1(__NR_set_tid_address, (long)&runtime.supervisor);
	__atomic_store_n(&runtime.supervisor, (uint32_t)sys0(__NR_gettid), __ATOMIC_RELEASE);
}

/* The next supervisor begins afresh, but for what guests have asked for and nobody has done yet. */
static void supervisor_reset(void)
{
	struct process *arrived = supervisor.arrived;
	uint32_t epoch = supervisor.epoch, event = supervisor.event;

	memset(supervisor.watches, 0, supervisor.watches_used * sizeof *supervisor.watches);
	memset(&supervisor, 0, offsetof(struct supervisor, watches));
	supervisor.arrived = arrived;
	supervisor.epoch = epoch + 1;
	supervisor.event = event;
}

void supervisor_forget(void)
{
	supervisor.arrived = NULL;
	starting = 0;
	runtime.supervisor = 0;
}

/* ---- what may happen ---------------------------------------------------------------------------------------------------------- */

static void listed_ended(int pid, int status)
{
	for (unsigned i = 0; i < supervisor.count; i++)
		if (supervisor.pids[i] == pid) {
			supervisor.statuses[i] = status;
			supervisor.ended++;
		}
}

static void process_ended(struct watch *watch)
{
	struct process *process = watch->process;
	int status = 0;

	if (process && process->generation == watch->generation) {
		if (runtime.map_at_exit && process->listed && process_state(process) == PROCESS_LIVE && process->vm)
			control_print_map();
		process_reclaim(process);
		watch_unborn();
	}
	if (sys4(__NR_wait4, watch->pid, (long)&status, WNOHANG | __WALL, 0) == watch->pid)
		listed_ended(watch->pid, status);
	sys1(__NR_close, watch->pidfd);
	__atomic_store_n(&watch->pidfd, 0, __ATOMIC_RELEASE);
}

/* Signals that somebody sent to us by name are meant for the programs; those of the terminal reach the whole group anyway. */
static void signal_arrived(void)
{
	struct {
		uint32_t signo;
		int32_t error, code;
		uint8_t rest[116];
	} info;

	if (sys3(__NR_read, supervisor.signals, (long)&info, sizeof info) != sizeof info)
		return;
	if (info.code != SI_USER && info.code != SI_QUEUE && info.code != SI_TKILL)
		return;
	for (unsigned i = 0; i < supervisor.count; i++)
		if (supervisor.statuses[i] < 0)
			sys2(__NR_kill, supervisor.pids[i], info.signo);
}

/* Short programs need no watcher, which is a task more: it comes when the first guests have run for a moment. From then on, what processes
 * keep and do not use goes every few seconds (tulou_trim). */
static int wait_most(void)
{
	if (!__atomic_load_n(&supervisor.watching, __ATOMIC_ACQUIRE))
		return WATCHER_AFTER;
	return runtime.exact && runtime.no_image_cache ? FOREVER : TRIM_EVERY * 1000;
}

static void trim_now_and_then(void)
{
	struct {
		long seconds, nanoseconds;
	} now;

	if (runtime.exact && runtime.no_image_cache)
		return;
	sys2(__NR_clock_gettime, CLOCK_MONOTONIC_COARSE, (long)&now);
	if (now.seconds < supervisor.trimmed + TRIM_EVERY)
		return;
	supervisor.trimmed = now.seconds;
	tulou_trim(runtime.pool);
	images_trim();
}

static void loop(bool (*done)(void))
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t wakes;

	while (!done()) {
		long count = sys6(__NR_epoll_pwait, supervisor.epoll, (long)events, EVENTS_AT_ONCE, wait_most(), 0, 8);
		if (count == 0 && !__atomic_load_n(&supervisor.watching, __ATOMIC_ACQUIRE))
			watcher_start(); /* without memory: tried again */
		trim_now_and_then();
		for (long i = 0; i < count; i++) {
			if (events[i].data == EVENT_SIGNAL)
				signal_arrived();
			else if (events[i].data == EVENT_CONTROL)
				control_accept();
			else if (events[i].data == EVENT_WAKE)
				sys3(__NR_read, supervisor.wake, (long)&wakes, sizeof wakes);
			else
				process_ended(&supervisor.watches[events[i].data]);
		}
	}
}

/* ---- beginning ----------------------------------------------------------------------------------------------------------------- */

static int epoll_add(int fd, uint64_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data = what};
	return (int)sys4(__NR_epoll_ctl, supervisor.epoll, EPOLL_CTL_ADD, fd, (long)&event);
}

static int begin(void)
{
	int result;

	supervisor.main = thread_current();
	supervisor.epoll = (int)sys1(__NR_epoll_create1, 0);
	if (supervisor.epoll < 0)
		return supervisor.epoll;
	supervisor.wake = (int)sys2(__NR_eventfd2, 0, 0);
	if (supervisor.wake < 0)
		return supervisor.wake;
	result = epoll_add(supervisor.wake, EVENT_WAKE);
	if (result < 0)
		return result;
	supervisor.control = control_open();
	if (supervisor.control >= 0) /* else nobody can look from outside; the guests are no worse for it */
		epoll_add(supervisor.control, EVENT_CONTROL);
	return 0;
}

static bool listed_done(void)
{
	return supervisor.ended == supervisor.count;
}

static bool all_gone(void)
{
	return process_count() == 0;
}

/* ---- `tulou run` ---------------------------------------------------------------------------------------------------------------- */

static void signals_open(void)
{
	supervisor.signals = (int)sys4(__NR_signalfd4, -1, (long)&passed_on, 8, 0);
	if (supervisor.signals >= 0)
		epoll_add(supervisor.signals, EVENT_SIGNAL);
}

static int watch_listed(int pid)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		if (process_state(process) != PROCESS_FREE && process->pid == pid && process->listed)
			return watch_add(pid, process);
	}
	return watch_add(pid, NULL);
}

/* It is our child, so its pid is its own until we have waited for it, and pidfd_open does not fail for being late. */
static void watch_all_listed(void)
{
	for (unsigned i = 0; i < supervisor.count; i++) {
		struct watch ended = {.pid = supervisor.pids[i]};
		if (watch_listed(ended.pid) == 0)
			continue;
		for (unsigned slot = 0; slot < process_slots(); slot++)
			if (process_at(slot)->pid == ended.pid)
				process_reclaim(process_at(slot));
		sys4(__NR_wait4, ended.pid, (long)&supervisor.statuses[i], __WALL, 0);
		supervisor.ended++;
	}
}

int supervisor_run(const int *pids, int *statuses, unsigned count)
{
	int result;

	supervisor_reset();
	result = begin();
	if (result < 0)
		return result;
	supervisor.pids = pids;
	supervisor.statuses = statuses;
	supervisor.count = count;
	supervisor.ended = 0;
	for (unsigned i = 0; i < count; i++)
		statuses[i] = -1;
	signals_open();
	watch_all_listed();
	runtime_limit_memory();
	loop(listed_done);
	if (!supervisor.watching)
		watcher_look();
	if (process_count()) {
		/* Daemons live on: somebody else takes over, with a word of its own. */
		watcher_stop();
		sys1(__NR_set_tid_address, 0);
		runtime.supervisor = 0;
		return supervisor_ensure();
	}
	return 0;
}

/* ---- a supervisor of its own ---------------------------------------------------------------------------------------------------- */

/* Those who were there before this supervisor; the others come by supervisor_watch. */
static void watch_complete(void)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		uint32_t state = process_state(process);
		if ((state == PROCESS_LIVE || state == PROCESS_GONE) && __atomic_load_n(&process->complete, __ATOMIC_ACQUIRE))
			supervisor_watch(process);
	}
}

static void detached_main(void *argument)
{
	uint32_t *ready = argument;
	int result;

	sys0(__NR_setsid);
	sys3(__NR_close_range, 0, ~0u, 0);
	result = begin();
	if (!result)
		result = watcher_start();
	__atomic_store_n(ready, result < 0 ? (uint32_t)-result : 0, __ATOMIC_RELEASE);
	task_wake(ready);
	if (result == 0) {
		watch_complete();
		loop(all_gone);
	}
	for (;;)
		sys1(__NR_exit_group, 0);
}

static int detached_start(void)
{
	uint64_t all = ~0ull, mask;
	uint32_t ready = STARTING;
	struct thread *thread;
	long pid;

	supervisor_reset();
	thread = thread_claim(NULL);
	if (!thread)
		return -ENOMEM;
	sys4(__NR_rt_sigprocmask, 2, (long)&all, (long)&mask, 8);
	pid = clone_task(CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, thread_stack_top(thread), NULL,
		&runtime.supervisor, 0, detached_main, &ready);
	sys4(__NR_rt_sigprocmask, 2, (long)&mask, 0, 8);
	if (pid < 0) {
		thread_release(thread);
		return (int)pid;
	}
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) == STARTING)
		task_wait(&ready, STARTING, 1000);
	return -(int)ready;
}

int supervisor_ensure(void)
{
	uint32_t none = 0;
	int result = 0;

	while (!supervisor_running()) {
		none = 0;
		if (!__atomic_compare_exchange_n(&starting, &none, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			task_wait(&starting, 1, 10);
			continue;
		}
		if (!supervisor_running())
			result = detached_start();
		__atomic_store_n(&starting, 0, __ATOMIC_RELEASE);
		task_wake(&starting);
		if (result < 0)
			return result;
	}
	return 0;
}

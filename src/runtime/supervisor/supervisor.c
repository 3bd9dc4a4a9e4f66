/* SPDX-License-Identifier: MIT */
#include "runtime/supervisor/supervisor.h"

#include <asm-generic/errno.h>
#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>

#include "base/mem.h"
#include "runtime/image/image.h"
#include "runtime/message.h"
#include "runtime/process/task.h"
#include "runtime/supervisor/internal.h"
#include "runtime/trap/trap.h"

enum { SOON_MAX = 8, SOON_NS = 20000000, WATCHER_AGAIN = 20 /* ms */ };
enum { SIG_BLOCK = 0, EVENTS_AT_ONCE = 16, TRIM_EVERY = 2 /* s */, READY_LOOK_AGAIN = 100, FOREVER = -1 };
enum { SI_USER = 0, SI_QUEUE = -1, SI_TKILL = -6 };
enum { HUP = 1, INT = 2, QUIT = 3, KILL = 9, USR1 = 10, USR2 = 12, ALRM = 14, TERM = 15, WINCH = 28 };
#define STARTING 0x40000000u

struct supervisor supervisor;
struct watch watches[WATCH_COUNT] LARGE_ZEROS;

static struct lock starting; /* who holds it starts a supervisor */

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
	thread_current()->tid = (int)sys0(__NR_gettid);
	__atomic_store_n(&runtime.supervisor, (uint32_t)thread_current()->tid, __ATOMIC_RELEASE);
	thread_current()->life = &runtime.supervisor;
}

/* Of a supervisor that was killed. Whoever has left lives, or has given his block back. */
static void block_release(struct thread *thread)
{
	if (thread && thread->life && !thread_token_alive(thread->state))
		thread_release(thread);
}

/* The next supervisor begins afresh, but for what guests have asked for and nobody has done yet. */
static void supervisor_reset(void)
{
	uint32_t epoch = supervisor.epoch, event = supervisor.event;

	block_release(supervisor.main);
	block_release(supervisor.watcher);
	memset(watches, 0, supervisor.watches_used * sizeof *watches);
	memset(&supervisor, 0, sizeof supervisor);
	supervisor.epoch = epoch + 1;
	supervisor.event = event;
}

void supervisor_forget(void)
{
	supervisor.main = supervisor.watcher = NULL;
	lock_init(&starting);
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
	uint64_t tag = process ? process_tag(process) : 0;
	int status = 0;

	if (tag_is_taken(tag) && tag_generation(tag) == watch->generation) {
		if (runtime.map_at_exit && process->listed && process_state(process) == PROCESS_LIVE && process->vm)
			control_print_map();
		process_reclaim(process, tag);
		watch_orphans();
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

/* Every few seconds what processes keep and do not use goes (tulou_trim). */
static int wait_most(void)
{
	if (!__atomic_load_n(&supervisor.watching, __ATOMIC_ACQUIRE))
		return WATCHER_AGAIN;
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
				process_ended(&watches[events[i].data]);
		}
	}
}

/* ---- beginning ----------------------------------------------------------------------------------------------------------------- */

static int epoll_add(int fd, uint64_t what)
{
	struct epoll_event event = {.events = EPOLLIN, .data = what};
	return (int)sys4(__NR_epoll_ctl, supervisor.epoll, EPOLL_CTL_ADD, fd, (long)&event);
}

/* One for each process; what guests may have is their own. */
static void descriptors_open(void)
{
	struct {
		uint64_t soft, hard;
	} limit;

	if (sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit) < 0)
		return;
	limit.soft = limit.hard;
	sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0);
}

static int begin(void)
{
	descriptors_open();
	supervisor.main = thread_current();
	supervisor.epoll = (int)sys1(__NR_epoll_create1, 0);
	if (supervisor.epoll < 0)
		return supervisor.epoll;
	supervisor.wake = (int)sys2(__NR_eventfd2, 0, 0);
	if (supervisor.wake < 0)
		return supervisor.wake;
	return epoll_add(supervisor.wake, EVENT_WAKE);
}

/* Without a descriptor for it nobody can look from outside; the guests are no worse for it. */
static void begin_control(void)
{
	supervisor.control = control_open();
	if (supervisor.control >= 0)
		epoll_add(supervisor.control, EVENT_CONTROL);
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

static struct process *listed_process(int pid, uint64_t *tag)
{
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *process = process_at(slot);
		*tag = process_tag(process);
		if (tag_is_taken(*tag) && process->pid == pid && process->listed)
			return process;
	}
	*tag = 0;
	return NULL;
}

static int watch_listed(int pid)
{
	uint64_t tag;
	struct process *process = listed_process(pid, &tag);

	return watch_add(pid, process, tag);
}

static void reclaim_listed(int pid)
{
	uint64_t tag;
	struct process *process = listed_process(pid, &tag);

	if (process)
		process_reclaim(process, tag);
}

/* It has ended. Or it cannot be watched (no descriptor left), and shall not run: to take back the memory of somebody who lives would be
 * worse. It is our child, so its pid is its own until we have waited for it. */
static void end_listed(unsigned i, int error)
{
	int pid = supervisor.pids[i];

	if (error != -ESRCH) {
		message("cannot watch process %d: %s", pid, error_text(error));
		sys2(__NR_kill, pid, KILL);
	}
	sys4(__NR_wait4, pid, (long)&supervisor.statuses[i], __WALL, 0);
	reclaim_listed(pid);
	supervisor.ended++;
}

/* A process whose word is clear has ended, or left for an instance of its own: its pid tells. */
static void watch_all_listed(void)
{
	for (unsigned i = 0; i < supervisor.count; i++) {
		int error = supervisor.statuses[i] < 0 ? watch_listed(supervisor.pids[i]) : 0;

		if (error == -ESRCH) {
			reclaim_listed(supervisor.pids[i]);
			error = watch_add(supervisor.pids[i], NULL, 0);
		}
		if (error)
			end_listed(i, error);
	}
}

/* Many programs end within milliseconds: until then only their pids are looked at. What else a supervisor has costs as much as such a
 * program, and nobody needs it yet. */
static void soon(void)
{
	struct pollfd fds[SOON_MAX];
	struct {
		long seconds, nanoseconds;
	} left = {0, SOON_NS};

	if (supervisor.count > SOON_MAX)
		return;
	for (unsigned i = 0; i < supervisor.count; i++)
		fds[i] = (struct pollfd){.fd = (int)sys2(__NR_pidfd_open, supervisor.pids[i], 0), .events = POLLIN};
	while (!listed_done() && sys5(__NR_ppoll, (long)fds, supervisor.count, (long)&left, 0, 8) > 0)
		for (unsigned i = 0; i < supervisor.count; i++) {
			struct watch watch = {.pidfd = fds[i].fd, .pid = supervisor.pids[i]};
			uint64_t tag;

			if (!fds[i].revents)
				continue;
			watch.process = listed_process(watch.pid, &tag);
			watch.generation = tag_generation(tag);
			process_ended(&watch);
			fds[i].fd = -1;
		}
	for (unsigned i = 0; i < supervisor.count; i++)
		if (fds[i].fd >= 0)
			sys1(__NR_close, fds[i].fd);
}

/* The listed programs live on after a moment: now for everything that may come. */
static int settle(void)
{
	int result = begin();

	if (result < 0)
		return result;
	watch_all_listed();
	signals_open();
	begin_control();
	runtime_limit_memory();
	if (!listed_done())
		watcher_start(); /* without memory: loop() tries again */
	return 0;
}

int supervisor_run(const int *pids, int *statuses, unsigned count)
{
	int result;

	supervisor_reset();
	supervisor.main = thread_current();
	supervisor.epoll = supervisor.wake = -1;
	supervisor.pids = pids;
	supervisor.statuses = statuses;
	supervisor.count = count;
	supervisor.ended = 0;
	for (unsigned i = 0; i < count; i++)
		statuses[i] = -1;
	soon();
	if (!listed_done()) {
		result = settle();
		if (result < 0)
			return result;
		loop(listed_done);
	}
	if (!supervisor.watching)
		watcher_look();
	if (process_count()) {
		/* Daemons live on: somebody else takes over, with a word of its own. */
		watcher_stop();
		sys1(__NR_set_tid_address, 0);
		thread_current()->life = NULL;
		runtime.supervisor = 0;
		return supervisor_ensure();
	}
	return 0;
}

/* ---- a supervisor of its own ---------------------------------------------------------------------------------------------------- */

static void detached_main(void *argument)
{
	uint32_t *ready = argument;
	int result;

	thread_current()->tid = (int)sys0(__NR_gettid);
	thread_current()->life = &runtime.supervisor;
	sys0(__NR_setsid);
	sys3(__NR_close_range, 0, ~0u, 0);
	result = begin();
	if (!result)
		result = watcher_start();
	__atomic_store_n(ready, result < 0 ? (uint32_t)-result : 0, __ATOMIC_RELEASE);
	task_wake(ready);
	if (result == 0) {
		begin_control();
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
	/* Who finds the starter dead finds a supervisor, or none that was born. */
	pid = clone_task(CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, thread_stack_top(thread), &runtime.supervisor,
		&runtime.supervisor, 0, detached_main, &ready);
	sys4(__NR_rt_sigprocmask, 2, (long)&mask, 0, 8);
	if (pid < 0) {
		thread_release(thread);
		return (int)pid;
	}
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) == STARTING) {
		if (!supervisor_running())
			return 0; /* killed at once: another one */
		task_wait(&ready, STARTING, READY_LOOK_AGAIN);
	}
	return -(int)ready;
}

int supervisor_ensure(void)
{
	const struct tulou_host *host = &runtime.host.host;
	int result = 0;

	while (!result && !supervisor_running()) {
		lock_take(&starting, host, thread_current()->state);
		if (!supervisor_running())
			result = detached_start();
		lock_drop(&starting, host);
	}
	return result;
}

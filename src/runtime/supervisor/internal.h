/* SPDX-License-Identifier: MIT */
/* internal.h - what the supervisor's files share. Guarded by: main = only the main thread, atomic, or a word of its own. */
#ifndef TULOU_RUNTIME_SUPERVISOR_INTERNAL_H
#define TULOU_RUNTIME_SUPERVISOR_INTERNAL_H

#include "runtime/supervisor/supervisor.h"

/* One thing that epoll may name. */
struct watch {
	int pidfd;
	int pid;
	struct process *process; /* NULL: only its exit status is wanted (it is, or became, another instance) */
	uint32_t generation; /* of the slot */
};

enum { WATCH_COUNT = PROCESS_COUNT + SUPERVISOR_LISTED_MAX };
enum { EVENT_SIGNAL = WATCH_COUNT, EVENT_CONTROL, EVENT_WAKE };

struct supervisor {
	struct thread *main, *watcher;
	int epoll, signals, control;
	int wake; /* eventfd: the watcher has taken something back; look whether all is done */
	uint32_t epoch; /* which of the supervisors that follow one another this is; from 1 */
	uint32_t event; /* futex, atomic: something was asked of the watcher */
	uint32_t births; /* atomic: of processes; who starts one */
	uint32_t dozing; /* atomic: and need not wake the watcher: it looks by itself in a moment */
	uint32_t watching; /* futex, atomic: the watcher runs (main starts it); it ends when stop is set */
	uint32_t stop;
	/* main, but for the slots that are taken by compare-and-swap of pidfd from -1 */
	const int *pids; /* the listed programs */
	int *statuses;
	unsigned count, ended;
	long trimmed; /* seconds: when what processes keep was last looked at (tulou_trim) */
	uint32_t watches_used; /* atomic, only grows: entries behind it were never used */
};

extern struct supervisor supervisor;
extern struct watch watches[WATCH_COUNT];

/* watcher.c: start the watcher thread; its loop ends with watcher_stop(). */
int watcher_start(void);
void watcher_stop(void);
/* Its work, done once by the caller, while there is no watcher. True: there is more to do soon. */
bool watcher_look(void);
/* Watch a pid for its end. `process`, if not NULL, has it, under `tag`. 0 or a negative errno (ESRCH: it has ended already). */
int watch_add(int pid, struct process *process, uint64_t tag);
/* Somebody has died: the watcher takes over what he was creating, or taking back. */
void watch_orphans(void);
/* control.c */
int control_open(void);
void control_accept(void);
void control_print_map(void);

#endif

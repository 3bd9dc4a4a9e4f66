/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - the task that takes back what dead guests owned.
 *
 *     guests ──supervisor_watch──▶ watcher thread: pidfd_open ──▶ epoll ──▶ main thread: dead? process_reclaim
 *                                                                   ▲
 *     tulou map PID ──────────── abstract socket "tulou/PID" ───────┤
 *     kill, Ctrl-C  ──────────── signalfd ──────────────────────────┘
 *
 * It is a task of the instance, in the same address space, with descriptors of its own (guests never see one of ours). It is
 * `tulou run` itself, or a task that is started when an instance that began with one process gets its second one. The latter is
 * detached: it belongs to no terminal, holds no descriptor that it inherited, and ends with the last guest.
 *
 * A pid can be reused between a spawn and pidfd_open; the process's word (process.h) tells: while it is not 0, the pidfd is the
 * right one. The main thread alone reclaims what is watched; the watcher reclaims what died before it could be watched, and what nobody
 * answers for any more (process.h). A guest only says that there is something to look at: what it did not live to say is seen all the same.
 *
 * A supervisor can be killed too. Its locks are taken over like anybody's, and the next task that starts a process starts another one.
 */
#ifndef TULOU_RUNTIME_SUPERVISOR_H
#define TULOU_RUNTIME_SUPERVISOR_H

#include "runtime/process/process.h"

enum { SUPERVISOR_LISTED_MAX = 64 };

/* ---- for guests' tasks ------------------------------------------------------------------------------------------------------- */
bool supervisor_running(void);
/* Start one if there is none. 0 or a negative errno. */
int supervisor_ensure(void);
/* A new process has been started: take care of it. */
void supervisor_watch(struct process *process);
/* The process tries a real execve: when its word becomes 0 it has left. With `leaving` false: it failed, all as before. */
void supervisor_leaving(struct process *process, bool leaving);
/* Let the supervisor print the pool on its own stderr, now; returns when it has. */
void supervisor_print_map(struct process *process);
/* After a fork by copy: there is none in this instance. */
void supervisor_forget(void);

/* ---- for `tulou run` ------------------------------------------------------------------------------------------------------------ */
/* Be the supervisor (the calling task, on a thread block) of the programs with these pids, until all of them have ended; statuses as
 * wait(2) gives them. What still lives then gets a detached supervisor. 0 or a negative errno. */
int supervisor_run(const int *pids, int *statuses, unsigned count);
/* Say that the calling task is going to be the supervisor; before the first guest starts. */
void supervisor_announce(void);

#endif

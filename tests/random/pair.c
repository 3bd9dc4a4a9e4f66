/* SPDX-License-Identifier: MIT */
/*
 * pair.c - the follower's second process: a copy of the first, made before the first call, with the same descriptors
 * (clone(2) with CLONE_FILES), so that what the two share are the files that they map.
 *
 *     follower   call 0     look         call 2 …          one byte there, one byte back
 *     second           look call 1 look        look …      results go into the record, which both see
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execute.h"

enum { PAIR_SECONDS = 130, PAIR_STOP = SEQUENCE_MAX };

static int to_second, to_first;
static pid_t second;

static void fail(int status)
{
	_exit(status);
}

/* The second process is dead, and has not been told to end. */
static void second_died(int number)
{
	(void)number;
	fail(126);
}

static void second_run(struct run *run)
{
	const struct outcome *outcome;
	unsigned index;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PAIR_SECONDS);
	run->who = 1;
	for (;;) {
		if (read(to_first, &index, sizeof(index)) != sizeof(index) || index == PAIR_STOP)
			_exit(0);
		outcome = &run->record->outcomes[index];
		if (outcome->request.who == 1)
			op_call(run, index);
		process_look(run, index);
		if (write(to_first, &index, sizeof(index)) != sizeof(index))
			_exit(0);
	}
}

void pair_start(struct run *run)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		fail(125);
	to_second = ends[0];
	to_first = ends[1];
	signal(SIGCHLD, second_died);
	second = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (second < 0)
		fail(125);
	if (second == 0)
		second_run(run);
}

void pair_tell(unsigned index)
{
	if (write(to_second, &index, sizeof(index)) != sizeof(index))
		fail(126);
}

void pair_wait(void)
{
	unsigned index;

	if (read(to_second, &index, sizeof(index)) != sizeof(index))
		fail(126);
}

void pair_end(void)
{
	signal(SIGCHLD, SIG_DFL);
	pair_tell(PAIR_STOP);
	while (waitpid(second, NULL, 0) < 0 && errno == EINTR)
		;
}

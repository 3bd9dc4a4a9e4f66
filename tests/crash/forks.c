/* SPDX-License-Identifier: MIT */
/*
 * forks.c - see crash.h: somebody forks while A is anywhere in its call.
 *
 *     A's call   ───┬· · · · ───────┬ · · ───▶ ends        a fork waits for the calls of others, and they for it:
 *     forker        └── prepare ──▶ waits   └─ fork ──▶     who must wait lets the other go on, on a stack of its own
 *
 * In the child only what the forker kept is left, whatever A was doing, and it goes on; in the parent A's call ends as if nothing had been.
 */
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include "crash.h"

enum { STACK_SIZE = 1 << 18, SECONDS = 30 };

static ucontext_t caller, forker;
static enum task forker_task, turn;
static bool begun, done;

static struct tulou_process_vm **kept(void)
{
	return forker_task == TASK_B ? &world.b : &world.sibling;
}

static void turn_to(enum task task)
{
	turn = task;
	sim_task_set(task);
	if (task == TASK_A)
		swapcontext(&forker, &caller);
	else
		swapcontext(&caller, &forker);
}

/* In place of sleeping. */
static void other_goes_on(void)
{
	if (!done)
		turn_to(turn == TASK_A ? forker_task : TASK_A);
}

static void goes_on(void)
{
	if (forker_task == TASK_B)
		neighbour_goes_on(NULL);
	else
		sibling_goes_on();
}

static __attribute__((noreturn)) void child_lives(void)
{
	const char *left;

	world_waits = NULL;
	tulou_fork_child(world.pool, *kept());
	check("the child");
	agree("the child");
	goes_on();
	check("the child goes on");
	agree("the child goes on");
	tulou_process_vm_drop(kept());
	if (world.pool->process_count || world.pool->manager.chunk_count || world.pool->shm.object_count)
		wrong("something is left in the child");
	left = world_close();
	if (left)
		wrong(left);
	_exit(0);
}

static void forks(void)
{
	pid_t pid;

	tulou_fork_prepare(world.pool, *kept());
	pid = fork();
	if (!pid)
		child_lives();
	await(pid, "that was forked");
	tulou_fork_parent(world.pool, *kept());
	done = true;
	turn = TASK_A;
	sim_task_set(TASK_A);
}

void forks_begin(enum task task)
{
	alarm(SECONDS);
	begun = true;
	forker_task = task;
	world_waits = other_goes_on;
	world.leaks_block = world.leaks_handle =
		true; /* what a call has just been given and has not booked stays behind in the child */
	getcontext(&forker);
	forker.uc_stack.ss_sp = malloc(STACK_SIZE);
	forker.uc_stack.ss_size = STACK_SIZE;
	forker.uc_link = &caller;
	makecontext(&forker, forks, 0);
	turn_to(task);
}

bool forks_end(void)
{
	if (!begun)
		return false;
	while (!done)
		turn_to(forker_task);
	world_waits = NULL;
	check("A's call has ended");
	sim_task_set(forker_task);
	goes_on();
	check("the forker goes on");
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * crash - kill a task at every instruction of every call, and see that the others go on.
 *
 *     crash_sim [-v] [-f] [-s STRIDE] [-2 STRIDE] [-i STRIDE] [SHAPE…]
 *
 *     A's call ─┬──┬──┬──┬──┬──▶      between any two instructions after which memory differs, a copy of the world (fork) is made in
 *               │  │  │  │  │         which A is dead: B goes on, a supervisor gives back what A had, everything is checked,
 *               ▼  ▼  ▼  ▼  ▼         and in the end nothing is left
 *
 * -v: A shares its process VM with a sibling of another thread group (vfork), which goes on with it. So all that A does is noted, and is taken
 * back where it was cut short.
 * -f: instead of a death, a fork: by B, or, with -v, by the sibling (forks.c).
 * -s N tries only every N-th of these points. -2 N: in every N-th copy (0: in none) those who come after die too: B, in what it does, and
 * the supervisor, in giving A back; at every point of it with -i 1, at every N-th with -i N. Exit status 1: something was not right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"

enum { FAILURES_SHOWN = 20 };

/* Counted by all copies: shared memory. */
struct counts {
	unsigned long steps, points, locked, noted, second, failures;
} * counts;

static const struct shape *shape;
static bool shared, forking; /* -v, -f */
static unsigned long stride = 1, second_stride = 400, inner_stride = 40;
static unsigned long point; /* of this shape */
static uint64_t last_hash;

static void add(unsigned long *count, unsigned long more)
{
	__atomic_add_fetch(count, more, __ATOMIC_RELAXED);
}

/* ---- what must hold ------------------------------------------------------------------------------------------------------ */

static const char *where = "first"; /* who died: for messages */

void wrong(const char *what)
{
	if (__atomic_add_fetch(&counts->failures, 1, __ATOMIC_RELAXED) <= FAILURES_SHOWN)
		fprintf(stderr, "crash: %s, point %lu, %s death: %s\n", shape->name, point, where, what);
	_exit(1);
}

static void panicked(void *arg, const char *what)
{
	(void)arg;
	wrong(what);
}

void check(const char *when)
{
	char what[200], text[260];

	if (!tulou_check(world.pool, what, sizeof(what)))
		return;
	snprintf(text, sizeof(text), "%s: %s", when, what);
	wrong(text);
}

struct seen {
	size_t bytes, different; /* of the books; of these with other permissions than the host's */
};

static int see_area(void *arg, const struct tulou_area_info *area)
{
	struct seen *seen = arg;
	struct sim_area at;

	if (area->kind == TULOU_AREA_RESERVED)
		return 0;
	seen->bytes += area->end - area->start;
	for (uintptr_t page = area->start; page < area->end; page += PAGE)
		if (sim_query(world.sim, page, &at) && at.prot != area->prot)
			seen->different += PAGE;
	return 0;
}

void agree(const char *when)
{
	struct seen seen = {0, 0};
	char text[160];

	tulou_walk_areas(world.pool, see_area, &seen);
	if (seen.bytes == sim_mapped(world.sim) && !seen.different)
		return;
	snprintf(text, sizeof(text), "%s: %zu bytes in the books, the host has %zu; %zu with other permissions", when, seen.bytes,
		sim_mapped(world.sim), seen.different);
	wrong(text);
}

/* As the runtime does for a dead process: first what it left half done, then the references that its slot has. */
static void supervise(void *unused)
{
	(void)unused;
	tulou_reap(world.pool);
	while (tulou_process_vm_discard(world.pool, shape_any, NULL))
		;
	tulou_process_vm_drop(&world.a);
	tulou_process_vm_drop(&world.extra);
}

/* Whatever A was doing: its process VM is fit for use. */
static void sibling_tries(const char *when)
{
	sim_task_set(TASK_SIBLING);
	sibling_goes_on();
	if (world.sibling->torn)
		wrong("the process VM of the sibling is torn");
	check(when);
}

/* The end of a copy: everything is given back, by `task`. */
static __attribute__((noreturn)) void end_copy(enum task task, bool neighbour_lives)
{
	const char *left;

	sim_task_set(task);
	supervise(NULL);
	if (!neighbour_lives)
		tulou_process_vm_drop(&world.b);
	check("after the dead were given back");
	if (shared) {
		sibling_tries("the sibling again");
		agree("the sibling again");
		tulou_process_vm_drop(&world.sibling);
	}
	agree("after the dead were given back");
	if (neighbour_lives) {
		if (world.b->torn)
			wrong("the neighbour is torn");
		sim_task_set(TASK_B);
		neighbour_goes_on(NULL);
		check("the neighbour again");
		agree("the neighbour again");
		tulou_process_vm_drop(&world.b);
	}
	if (world.pool->process_count)
		wrong("a process VM is left");
	if (world.pool->manager.chunk_count || world.pool->shm.object_count)
		wrong("a chunk or a shared object is left");
	left = world_close();
	if (left)
		wrong(left);
	_exit(0);
}

/* ---- the copies ---------------------------------------------------------------------------------------------------------- */

void await(pid_t pid, const char *what)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		wrong("no more processes");
	if (WIFEXITED(status))
		return; /* its failure is counted */
	if (__atomic_add_fetch(&counts->failures, 1, __ATOMIC_RELAXED) <= FAILURES_SHOWN)
		fprintf(stderr, "crash: %s, point %lu: the copy %s ended with signal %d\n", shape->name, point, what,
			WTERMSIG(status));
}

static unsigned long second_point;

static bool second_dies(uintptr_t instruction)
{
	uint64_t hash = world_hash();
	pid_t pid;

	(void)instruction;
	if (hash == last_hash)
		return true;
	last_hash = hash;
	if ((second_point++ + point) % inner_stride)
		return true;
	add(&counts->second, 1);
	pid = fork();
	if (pid)
		return await(pid, "after a second death"), true;
	alarm(20);
	sim_task_kill(world.sim, world.host.self(world.host.ctx));
	end_copy(TASK_S2, world.host.self(world.host.ctx) != TASK_B);
}

/* Those who come after A die too: `who`, in what it does. */
static void second_deaths(enum task who, void (*does)(void *unused), const char *name)
{
	pid_t pid = fork();

	if (pid)
		return await(pid, name);
	alarm(200);
	where = name;
	last_hash = world_hash();
	sim_task_set(who);
	step_run(does, NULL, second_dies);
	_exit(0);
}

/* In a copy of the world A is dead. */
static __attribute__((noreturn)) void first_death(void)
{
	alarm(300);
	sim_task_kill(world.sim, TASK_A);
	sim_on_panic(world.sim, panicked, NULL);
	world.leaks_block = world.leaks_handle = true;
	if (shared && point % 2)
		sibling_tries("the sibling");
	if (second_stride && point % second_stride == 0) {
		second_deaths(TASK_B, neighbour_goes_on, "second (the neighbour's)");
		second_deaths(TASK_S1, supervise, "second (the supervisor's)");
	}
	sim_task_set(TASK_B);
	neighbour_goes_on(NULL);
	check("the neighbour");
	end_copy(TASK_S1, true);
}

static bool first_dies(uintptr_t instruction)
{
	uint64_t hash = world_hash();
	pid_t pid;

	(void)instruction;
	add(&counts->steps, 1);
	if (hash == last_hash)
		return true;
	last_hash = hash;
	if (point++ % stride)
		return true;
	add(&counts->points, 1);
	add(&counts->locked, world_locks_of(TASK_A) > 0);
	add(&counts->noted, world_noted() > 0);
	pid = fork();
	if (!pid && !forking)
		first_death();
	if (!pid) {
		forks_begin(shared ? TASK_SIBLING : TASK_B);
		return false;
	}
	await(pid, "after a death, or a fork");
	return true;
}

static void call(void *unused)
{
	(void)unused;
	shape->call();
}

/* In a process of its own, so that the shapes do not see each other. */
static void try_shape(void)
{
	struct counts before = *counts;
	pid_t pid = fork();

	if (!pid) {
		world_open();
		shapes_prepare();
		if (shape->prepare)
			shape->prepare();
		if (shared)
			tulou_process_vm_share(world.a, &world.sibling);
		sim_task_set(TASK_A);
		last_hash = world_hash();
		sim_on_panic(world.sim, panicked, NULL);
		step_run(call, NULL, first_dies);
		forks_end();
		_exit(0);
	}
	await(pid, "of the shape");
	printf("%-26s %7lu %7lu %7lu %7lu %7lu %5lu\n", shape->name, counts->steps - before.steps, counts->points - before.points,
		counts->locked - before.locked, counts->noted - before.noted, counts->second - before.second,
		counts->failures - before.failures);
}

static bool is_wanted(char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], shape->name) == 0)
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "vfs:2:i:")) != -1) {
		if (option == 'v')
			shared = true;
		else if (option == 'f')
			forking = true;
		else if (option == 's')
			stride = strtoul(optarg, NULL, 10);
		else if (option == '2')
			second_stride = strtoul(optarg, NULL, 10);
		else if (option == 'i')
			inner_stride = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("%-26s %7s %7s %7s %7s %7s %5s\n", "killed in", "steps", "kills", "locked", "noted", "twice", "wrong");
	for (shape = shapes; shape < shapes + shape_count; shape++)
		if (is_wanted(argv + optind, argc - optind))
			try_shape();
	printf("%-26s %7lu %7lu %7lu %7lu %7lu %5lu\n", "all", counts->steps, counts->points, counts->locked, counts->noted,
		counts->second, counts->failures);
	return counts->failures != 0;
}

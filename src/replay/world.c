/* SPDX-License-Identifier: MIT */
/*
 * world.c - the tasks of a log and their memories.
 *
 *     clone(CLONE_VM), vfork   the same memory, one reference more
 *     fork                     another one, with the same ranges (fork.c)
 *     execve                   another one, empty; the other threads of the group are gone
 *     exit, exit_group         a reference less. The task stays, without a memory, until "+++ exited": lines may still come
 */
#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define CLONE_VM     0x100ul
#define CLONE_THREAD 0x10000ul
#define STACK_SIZE   (64 * PAGE)

/* ---- memories -------------------------------------------------------------------------------------------------------------- */
struct memory *memory_create(struct replay *replay, uint32_t id)
{
	struct tulou_image image = {.size = PAGE, .align = PAGE};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = STACK_SIZE};
	struct memory *memory = replay_alloc(NULL, sizeof(*memory));
	long error;

	memset(memory, 0, sizeof(*memory));
	memory->refs = 1;
	error = tulou_process_vm_create(replay->pool, id, &memory->vm);
	if (!error)
		error = tulou_process_vm_build(memory->vm, &layout);
	if (!error)
		error = tulou_munmap(memory->vm, image.base, image.size);
	if (error) {
		fprintf(stderr, "tulou replay: no room for the memory of process %u (error %ld)\n", id, -error);
		exit(1);
	}
	memory->heap_start = layout.heap_start;
	return memory;
}

void memory_unref(struct replay *replay, struct memory *memory)
{
	if (!memory || --memory->refs)
		return;
	verify_memory(replay, memory);
	tulou_process_vm_unref(memory->vm);
	range_map_fini(&memory->map);
	free(memory);
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------------- */
struct task *task_find(struct replay *replay, uint32_t pid)
{
	struct task *task = replay->tasks[pid % TASK_BUCKETS];

	while (task && task->pid != pid)
		task = task->next;
	return task;
}

static struct task *task_create(struct replay *replay, uint32_t pid, uint32_t group, struct memory *memory)
{
	struct task *task = replay_alloc(NULL, sizeof(*task));

	memset(task, 0, sizeof(*task));
	task->pid = pid;
	task->group = group;
	task->memory = memory;
	task->next = replay->tasks[pid % TASK_BUCKETS];
	replay->tasks[pid % TASK_BUCKETS] = task;
	if (++replay->stats.tasks > replay->stats.tasks_most)
		replay->stats.tasks_most = replay->stats.tasks;
	return task;
}

/* The oldest call that makes a task, is not back yet, and has no child. */
static struct task *task_forking(struct replay *replay)
{
	struct task *oldest = NULL;

	for (unsigned i = 0; i < TASK_BUCKETS; i++)
		for (struct task *task = replay->tasks[i]; task; task = task->next)
			if (task->memory && task->pending.active && task->pending.record.call == CALL_FORK &&
				!task->pending.child && (!oldest || task->pending.line < oldest->pending.line))
				oldest = task;
	return oldest;
}

struct task *task_of_line(struct replay *replay, uint32_t pid)
{
	struct task *task = task_find(replay, pid), *parent;

	if (task)
		return task;
	parent = task_forking(replay);
	if (parent) {
		parent->pending.child = pid;
		return task_fork(replay, parent, pid, parent->pending.record.args[0]);
	}
	replay->stats.assumed_processes += replay->stats.tasks > 0;
	return task_create(replay, pid, pid, memory_create(replay, pid));
}

struct task *task_fork(struct replay *replay, struct task *parent, uint32_t pid, uint64_t flags)
{
	struct memory *memory = parent->memory;
	bool thread = flags & CLONE_THREAD;

	if (flags & CLONE_VM)
		memory->refs++;
	else
		memory = memory_copy(replay, memory, pid);
	if (thread)
		replay->stats.threads++;
	else
		replay->stats.processes++;
	return task_create(replay, pid, thread ? parent->group : pid, memory);
}

void task_exit(struct replay *replay, struct task *task)
{
	struct memory *memory = task->memory;

	task->memory = NULL;
	memory_unref(replay, memory);
}

static void others_exit(struct replay *replay, const struct task *but)
{
	for (unsigned i = 0; i < TASK_BUCKETS; i++)
		for (struct task *task = replay->tasks[i]; task; task = task->next)
			if (task->group == but->group && task != but)
				task_exit(replay, task);
}

void task_exit_group(struct replay *replay, struct task *task)
{
	others_exit(replay, task);
	task_exit(replay, task);
}

void task_exec(struct replay *replay, struct task *task)
{
	others_exit(replay, task);
	task_exit(replay, task);
	task->group = task->pid;
	task->memory = memory_create(replay, task->pid);
	replay->stats.execs++;
}

void task_forget(struct replay *replay, uint32_t pid)
{
	struct task **link = &replay->tasks[pid % TASK_BUCKETS], *task;

	while (*link && (*link)->pid != pid)
		link = &(*link)->next;
	task = *link;
	if (!task)
		return;
	*link = task->next;
	if (task->pending.active)
		stats_skip(&replay->stats, task->pending.record.name, "the task ended before its answer");
	task_exit(replay, task);
	free(task);
	replay->stats.tasks--;
}

void tasks_forget(struct replay *replay)
{
	for (unsigned i = 0; i < TASK_BUCKETS; i++)
		while (replay->tasks[i])
			task_forget(replay, replay->tasks[i]->pid);
}

/* SPDX-License-Identifier: MIT */
#include "runtime/launch.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "base/mem.h"
#include "runtime/instance.h"
#include "runtime/process/exec.h"
#include "runtime/process/scratch.h"
#include "runtime/process/task.h"
#include "runtime/seccomp/filters.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"

enum { SIGCHLD_NUMBER = 17, SIGKILL_NUMBER = 9, SIG_SETMASK = 2 };

/* ---- finding ------------------------------------------------------------------------------------------------------------------- */

static const char *path_variable(char *const *envp)
{
	for (; *envp; envp++) {
		const char *value = text_after(*envp, "PATH=");
		if (value)
			return value;
	}
	return "/bin:/usr/bin";
}

/* DIRECTORY/name into `out`; an empty directory is the current one. False when it does not fit. */
static bool join(char *out, const char *directory, size_t length, const char *name)
{
	size_t name_length = text_length(name);

	if (!length) {
		directory = ".";
		length = 1;
	}
	if (length + 1 + name_length + 1 > PROGRAM_PATH_MAX)
		return false;
	memcpy(out, directory, length);
	out[length] = '/';
	memcpy(out + length + 1, name, name_length + 1);
	return true;
}

/* As execvp(3): the first that can be started; EACCES is remembered, but a later directory may still have it. */
static long search(struct launch *launch, const char *name, const char *path)
{
	char candidate[PROGRAM_PATH_MAX];
	long result = -ENOENT;

	for (;;) {
		size_t length = 0;
		while (path[length] && path[length] != ':')
			length++;
		if (join(candidate, path, length, name)) {
			long found = program_open(launch->program, AT_FDCWD, candidate, 0, &launch->argv);
			if (found != -ENOENT && found != -ENOTDIR && found != -EACCES)
				return found;
			if (found == -EACCES)
				result = found;
		}
		if (!path[length])
			return result;
		path += length + 1;
	}
}

static long strings_copy(struct strings *strings, char *const *from, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		long result = strings_append(strings, from[i]);
		if (result < 0)
			return result;
	}
	return 0;
}

static unsigned count_of(char *const *list)
{
	unsigned count = 0;
	while (list[count])
		count++;
	return count;
}

long launch_open(struct launch *launch, const char *name, char *const *argv, unsigned argc, char *const *envp)
{
	long result;

	memset(launch, 0, sizeof *launch);
	launch->program = scratch_begin(&launch->argv, &launch->envp);
	if (!launch->program)
		return -ENOMEM;
	result = strings_copy(&launch->argv, argv, argc);
	if (!result)
		result = strings_copy(&launch->envp, envp, count_of(envp));
	if (result < 0)
		return result;
	for (const char *c = name; *c; c++)
		if (*c == '/')
			return program_open(launch->program, AT_FDCWD, name, 0, &launch->argv);
	return *name ? search(launch, name, path_variable(envp)) : -ENOENT;
}

void launch_fini(struct launch *launch)
{
	scratch_end(launch->program, &launch->argv, &launch->envp);
	launch->program = NULL;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------- */

long launch_load(struct launch *launch)
{
	struct process *process;
	long result = strings_limit_check(&launch->argv, &launch->envp, sizeof launch->program->execfn, exec_stack_size());

	if (result < 0)
		return result;
	process = process_claim(0);
	launch->thread = process ? thread_claim(process) : NULL;
	result = launch->thread ? tulou_process_vm_create(runtime.pool, 0, &process->vm) : -ENOMEM;
	if (!result) {
		process->limits = limits_initial;
		process->attributes = attributes_initial;
		limits_apply(process);
	}
	if (!result)
		result = program_load(launch->program, process->vm, &launch->argv, &launch->envp, runtime.host_auxv,
			exec_stack_size(), &launch->start);
	if (result < 0) {
		if (process)
			process_reclaim(process, process_tag(process));
		launch->thread = NULL;
		return result;
	}
	program_close(launch->program);
	process->thread_count = 1;
	process->layout = launch->start;
	memcpy(process->exe, launch->program->path, sizeof process->exe);
	/* Which of the others are ignored the kernel knows (action_know). */
	process->actions[SIGNAL_SIGSYS].handler = runtime.sigsys_ignored ? SIGNAL_IGNORED : 0;
	launch->thread->guest_stack.flags = 0; /* as of a task that never had one: a clone has SS_DISABLE */
	launch->thread->leader = true;
	launch->thread->sigsys_blocked = runtime.sigsys_blocked;
	return 0;
}

/* ---- starting ------------------------------------------------------------------------------------------------------------------- */

/* On the guest's task: into the program. Nobody else has looked at `launch` since it was started. */
static _Noreturn void enter(struct launch *launch)
{
	struct thread *thread = launch->thread;
	struct frame *frame = frame_fresh((uintptr_t)thread_stack_top(thread));

	thread->tid = thread->process->pid = (int)(thread->process->word & WORD_TID);
	tulou_process_vm_set_id(thread->process->vm, (uint32_t)thread->tid);
	sys5(__NR_prctl, PR_SET_NAME, (long)launch->program->comm, 0, 0, 0);
	frame->context.regs.rip = launch->start.entry;
	frame->context.regs.rsp = launch->start.sp;
	frame->context.mask = runtime.signal_mask;
	trap_frame_stack(frame, thread);
	fast_begin(thread);
	launch_fini(launch);
	__atomic_or_fetch(&thread->process->word, WORD_RELEASED, __ATOMIC_ACQ_REL);
	frame_return(frame);
}

static void child_main(void *argument)
{
	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL_NUMBER); /* its instance does not outlive its supervisor */
	enter(argument);
}

long launch_start(struct launch *launch)
{
	struct process *process = launch->thread->process;
	/* The frame will lie at the very top: the first steps run well below it. */
	char *stack = (char *)thread_stack_top(launch->thread) - THREAD_BLOCK / 4;
	uint64_t all = ~0ull, mask;
	long pid;

	process->listed = process->attributes.death_bound = true;
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&mask, 8);
	pid = clone_task(CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD_NUMBER, stack, NULL, &process->word, 0,
		child_main, launch);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8);
	if (pid < 0) {
		process_reclaim(process, process_tag(process));
		return pid;
	}
	process->pid = (int)pid;
	__atomic_store_n(&process->complete, 1, __ATOMIC_RELEASE);
	return pid;
}

_Noreturn void launch_become(struct launch *launch)
{
	struct process *process = launch->thread->process;
	uint64_t all = ~0ull;

	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, 8);
	process->pid = (int)sys0(__NR_getpid);
	process->word = (uint32_t)process->pid;
	process->complete = 1;
	sys1(__NR_set_tid_address, (long)&process->word);
	/* We are on another block than the guest's: its frame can be laid and entered from here. The strings stay until exec or
	 * exit; the block is given back now, since nothing is called any more. */
	thread_release(thread_current());
	enter(launch);
}

/* ---- elsewhere ------------------------------------------------------------------------------------------------------------------ */

struct elsewhere {
	const char *path;
	const char **argv, **envp;
	long result;
};

static void elsewhere_main(void *argument)
{
	struct elsewhere *e = argument;

	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL_NUMBER);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&runtime.signal_mask, 0, 8);
	e->result = sys3(__NR_execve, (long)e->path, (long)e->argv, (long)e->envp);
	for (;;)
		sys1(__NR_exit, 127);
}

long launch_elsewhere(struct launch *launch)
{
	char options[INSTANCE_OPTIONS_SIZE];
	const char *prefix[INSTANCE_PREFIX];
	bool native = launch->program->native;
	struct thread *thread = thread_claim(NULL);
	struct elsewhere e = {.path = native ? launch->program->execfn : instance_executable()};
	long pid;

	instance_options(options, NULL, NO_FILTERS);
	instance_prefix(prefix, options, launch->program);
	e.argv = strings_pointers(&launch->argv, prefix, native ? 0 : INSTANCE_PREFIX);
	e.envp = strings_pointers(&launch->envp, NULL, 0);
	if (!thread || !e.argv || !e.envp)
		return -ENOMEM;
	program_close(launch->program);
	/* CLONE_VFORK: the child uses our stack variables until its execve. */
	pid = clone_task(CLONE_VM | CLONE_VFORK | SIGCHLD_NUMBER, thread_stack_top(thread), NULL, NULL, 0, elsewhere_main, &e);
	thread_release(thread);
	if (pid > 0 && e.result < 0) {
		sys4(__NR_wait4, pid, 0, __WALL, 0);
		return e.result;
	}
	return pid;
}

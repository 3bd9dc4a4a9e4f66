/* SPDX-License-Identifier: MIT */
/*
 * exec.c - execve in the task: the new program is loaded beside the old one, and the old one goes when nothing can fail any more.
 *
 *     copy path, argv, envp from the guest ─▶ open and check the program ─▶ a new process VM, load ─▶ ── point of no return ──
 *     ─▶ siblings end ─▶ the kernel's pointers into the old memory go ─▶ close-on-exec ─▶ switch VMs ─▶ vfork parent wakes ─▶ enter
 *
 * So even what Linux answers with a dead process is an errno here, except where it must be the same (program.fatal).
 * Two cases leave the address space by a real execve, which keeps the pid: programs that only the kernel can start (set-uid …),
 * and programs linked at an address that is taken, or an exec by a thread that is not the leader: a fresh instance.
 */
#include <asm-generic/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <tulou/inspect.h>

#include "base/mem.h"
#include "base/page.h"
#include "runtime/elf/program.h"
#include "runtime/image/image.h"
#include "runtime/instance.h"
#include "runtime/message.h"
#include "runtime/process/exec.h"
#include "runtime/process/exec_close.h"
#include "runtime/process/exec_strings.h"
#include "runtime/process/exit.h"
#include "runtime/process/scratch.h"
#include "runtime/process/task.h"
#include "runtime/process/traced.h"
#include "runtime/seccomp/filters.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/text.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/path.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, SIGSEGV_NUMBER = 11 };
#define PERSONALITY_ASK 0xffffffffl
#define STACK_DEFAULT   (8ul << 20)
#define STACK_LARGEST   (4ul << 30)
#define STACK_SMALLEST  (128ul << 10)
#define EFLAGS_AT_ENTRY 0x202u

struct exec {
	struct thread *thread;
	struct frame *frame;
	struct program *program;
	struct strings argv, envp;
	struct image_set *images; /* of the new process VM, or NULL */
	struct program_start start;
};

/* ---- a real execve ------------------------------------------------------------------------------------------------------------- */

/* The memory of the pointers is lost when it fails; that is a few pages in a case that should not be. */
static long real_execve(struct exec *e, int dirfd, const char *path, int flags, const char *const *prefix, unsigned prefix_count)
{
	const char **argv = strings_pointers(&e->argv, prefix, prefix_count), **envp = strings_pointers(&e->envp, NULL, 0);
	struct process *process = e->thread->process;
	uint64_t mask = e->frame->context.mask, all;
	long result;

	if (!argv || !envp)
		return -ENOMEM;
	supervisor_leaving(process, true);
	signal_quiet(process, true);
	limits_leave(process);
	sys4(__NR_rt_sigprocmask, 2, (long)&mask, (long)&all, 8);
	result = sys5(__NR_execveat, dirfd, (long)path, (long)argv, (long)envp, flags);
	sys4(__NR_rt_sigprocmask, 2, (long)&all, 0, 8);
	limits_return();
	signal_quiet(process, false);
	supervisor_leaving(process, false);
	return result;
}

static long exec_native(struct exec *e, int dirfd, const char *path, int flags)
{
	if (runtime.strict) {
		message("--strict: %s can only be started by the kernel: %s", path, program_why(e->program));
		return -EACCES;
	}
	if (filters_need_runtime(e->thread))
		return -EACCES;
	if (runtime.verbose)
		message("process %d leaves for %s: %s", e->thread->process->pid, path, program_why(e->program));
	return real_execve(e, dirfd, path, flags, NULL, 0);
}

static long exec_instance(struct exec *e, const char *why)
{
	char options[INSTANCE_OPTIONS_SIZE];
	const char *prefix[INSTANCE_PREFIX];
	int filters;
	long result;

	if (runtime.strict) {
		message("--strict: %s needs a second instance: %s", e->program->path, why);
		return -EAGAIN;
	}
	if (runtime.verbose)
		message("process %d starts a fresh instance for %s: %s", e->thread->process->pid, e->program->path, why);
	result = filters_put_aside(e->thread, &filters);
	if (result < 0)
		return result;
	instance_options(options, e->thread, filters);
	instance_prefix(prefix, options, e->program);
	program_close(e->program);
	result = real_execve(e, AT_FDCWD, instance_executable(), 0, prefix, INSTANCE_PREFIX);
	if (filters != NO_FILTERS)
		sys1(__NR_close, filters);
	return result;
}

/* ---- the point of no return ------------------------------------------------------------------------------------------------------ */

static void enter_program(struct exec *e)
{
	struct registers *regs = &e->frame->context.regs;
	struct registers fresh = {.cs = regs->cs, .ss = regs->ss, .eflags = EFLAGS_AT_ENTRY};

	fresh.rip = e->start.entry;
	fresh.rsp = e->start.sp;
	*regs = fresh;
	sys2(__NR_arch_prctl, ARCH_SET_FS, 0);
	sys2(__NR_arch_prctl, ARCH_SET_GS, 0);
	cpuid_allow();
	e->thread->gs_is_guests = false;
	fast_begin(e->thread);
}

/* What execve(2) makes of a process beside its memory. */
static void process_become(struct process *process, const struct exec *e)
{
	long personality = sys1(__NR_personality, PERSONALITY_ASK);

	if (personality > 0 && personality & READ_IMPLIES_EXEC)
		sys1(__NR_personality, personality & ~READ_IMPLIES_EXEC);
	attributes_exec(process);
	outside_drop(process);
	process->resident_peak = 0;
	task_delete_timers(process);
	sys5(__NR_prctl, PR_SET_NAME, (long)e->program->comm, 0, 0, 0);
}

static void exec_commit(struct exec *e)
{
	struct thread *thread = e->thread;
	struct process *process = thread->process;

	/* Before a closed descriptor tells its parent: */
	process->executed = true;
	memcpy(process->exe, e->program->path, sizeof process->exe);
	process->layout = e->start;
	task_clear_guest_tid(thread);
	task_robust_list_die(thread);
	task_detach(thread);
	thread->guest_tid_address = 0;
	thread->guest_stack = (struct signal_stack){.flags = thread->guest_stack.flags};
	program_close(e->program);
	exec_close();
	signal_reset(process);
	patch_drop(process);
	tulou_process_vm_swap(&process->vm, &process->next);
	images_give(process, e->images);
	process_become(process, e);
	tulou_process_vm_drop(&process->next);
	__atomic_or_fetch(&process->word, WORD_RELEASED, __ATOMIC_ACQ_REL);
	task_wake(&process->word);
	enter_program(e);
	traced_exec(thread);
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------- */

size_t exec_stack_size(void)
{
	struct {
		uint64_t soft, hard;
	} limit;

	if (sys4(__NR_prlimit64, 0, RLIMIT_STACK, 0, (long)&limit) < 0)
		return STACK_DEFAULT;
	if (limit.soft > STACK_LARGEST)
		limit.soft = STACK_LARGEST;
	if (limit.soft < STACK_SMALLEST)
		limit.soft = STACK_SMALLEST;
	return page_down(limit.soft);
}

/* What load() made, given up. */
static void unload(struct exec *e)
{
	tulou_process_vm_drop(&e->thread->process->next);
	images_drop(e->images);
	e->images = NULL;
}

static long load_fresh(struct exec *e)
{
	struct process *process = e->thread->process;
	long result = tulou_process_vm_create(runtime.pool, (uint32_t)process->pid, &process->next);

	if (result < 0)
		return result;
	limits_set(process->next, &process->limits);
	result = program_load(e->program, process->next, &e->argv, &e->envp, runtime.host_auxv, exec_stack_size(), &e->start);
	if (result < 0)
		unload(e);
	else
		e->images = images_of(e->program, process->next, exec_stack_size(), &e->start);
	return result;
}

/* Into process->next. */
static long load(struct exec *e)
{
	struct process *process = e->thread->process;
	long result;

	if (limits_none(&process->limits))
		e->images = images_take(e->program, &e->argv, &e->envp, exec_stack_size(), &process->next, &e->start);
	if (e->images) {
		tulou_process_vm_set_id(process->next, (uint32_t)process->pid);
		limits_set(process->next, &process->limits);
		return 0;
	}
	result = load_fresh(e);
	if (result == -ENOMEM && images_give_back())
		result = load_fresh(e);
	return result;
}

/* Only the caller's own old program stands where the new one must be. */
struct own_range {
	struct process *process;
	uintptr_t start, end;
	bool others;
};

static int find_others(void *arg, const struct tulou_area_info *area)
{
	struct own_range *range = arg;

	if (area->end > range->start && area->start < range->end && area->process != tulou_process_vm_id(range->process->vm))
		range->others = true;
	return range->others;
}

static bool range_is_own(struct exec *e)
{
	const struct elf_info *exe = &e->program->exe;
	struct own_range range = {e->thread->process, exe->start, exe->end, false};

	if (!tulou_process_vm_exclusive(range.process->vm))
		return false; /* a vfork parent's */
	tulou_walk_areas(runtime.pool, find_others, &range);
	return !range.others;
}

/* The old program has to go first; what fails now ends the process, as on Linux. */
static long load_in_place(struct exec *e)
{
	struct process *process = e->thread->process;
	long result;

	task_clear_guest_tid(e->thread);
	task_robust_list_die(e->thread);
	task_detach(e->thread);
	patch_drop(process);
	tulou_process_vm_drop(&process->vm);
	result = load(e);
	if (result < 0)
		exit_by_signal(process, SIGSEGV_NUMBER);
	return 0;
}

static long exec_opened(struct exec *e)
{
	long result;

	if (!e->thread->leader)
		return exec_instance(e, "exec by a thread that is not the first");
	result = load(e);
	if (result == -EEXIST) {
		if (!range_is_own(e))
			return exec_instance(e, "its fixed address is taken");
		result = exit_siblings(e->thread) ? load_in_place(e) : exec_instance(e, "a thread of it does not end");
	} else if (result < 0 && e->program->fatal) {
		exit_by_signal(e->thread->process, SIGSEGV_NUMBER);
	}
	if (result < 0)
		return result;
	if (!exit_siblings(e->thread)) {
		unload(e);
		return exec_instance(e, "a thread of it does not end");
	}
	exec_commit(e);
	return TRAP_DONE;
}

/* ---- the calls ----------------------------------------------------------------------------------------------------------------- */

/* /proc/self/exe leads to our own file: open the program's instead, which goes on under the name that was given. */
static long open_program(struct exec *e, int dirfd, const char *path, int flags)
{
	struct program *program = e->program;
	const struct process *process = e->thread->process;
	long result;

	if (!path_own_exe(process, path))
		return program_open(program, dirfd, path, flags, &e->argv);
	result = program_open(program, AT_FDCWD, process->exe, flags, &e->argv);
	memcpy(program->comm, "exe", sizeof "exe");
	memcpy(program->execfn, path, text_length(path) + 1);
	return result;
}

static long exec_copied(struct exec *e, int dirfd, const char *path, int flags)
{
	long result = open_program(e, dirfd, path, flags);

	if (result == -ENOEXEC && !runtime.strict &&
		!filters_need_runtime(e->thread)) /* the kernel may know the format (binfmt_misc), or says the same */
		return real_execve(e, dirfd, path, flags, NULL, 0);
	if (result < 0)
		return result;
	if (e->program->native)
		return exec_native(e, dirfd, path, flags);
	result = strings_limit_check(&e->argv, &e->envp, sizeof e->program->execfn, exec_stack_size());
	if (result < 0)
		return result;
	if (credentials_stale(e->thread->process) && instance_can_start())
		return exec_instance(e, "its credentials have changed");
	return exec_opened(e);
}

/* As Linux, before argv and envp are looked at: who searches a path tries one name after the other. 0, or why it cannot be. */
static long exec_find(int dirfd, const char *name, int flags)
{
	struct stat about;

	if (!*name || flags)
		return 0; /* program_open() knows */
	return sys4(__NR_newfstatat, dirfd, (long)name, (long)&about, 0);
}

static long exec_with(struct exec *e, int dirfd, uint64_t path, uint64_t argv, uint64_t envp, int flags)
{
	char name[PROGRAM_PATH_MAX];
	long result = user_read_string(name, path, sizeof name);

	if (result >= 0)
		result = exec_find(dirfd, name, flags);
	if (result < 0)
		return result;
	result = exec_strings_copy(&e->argv, argv);
	if (!result)
		result = exec_strings_copy(&e->envp, envp);
	return result ? result : exec_copied(e, dirfd, name, flags);
}

static long exec(struct thread *thread, struct frame *frame, int dirfd, uint64_t path, uint64_t argv, uint64_t envp, int flags)
{
	struct exec e = {.thread = thread, .frame = frame};
	long result;

	e.program = scratch_begin(&e.argv, &e.envp);
	if (!e.program)
		return -ENOMEM;
	result = exec_with(&e, dirfd, path, argv, envp, flags);
	scratch_end(e.program, &e.argv, &e.envp);
	return result;
}

long trap_execve(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return exec(thread, frame, AT_FDCWD, r->rdi, r->rsi, r->rdx, 0);
}

long trap_execveat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return exec(thread, frame, (int)r->rdi, r->rsi, r->rdx, r->r10, (int)r->r8);
}

/* SPDX-License-Identifier: MIT */
/*
 * filter.c - the seccomp filter that sends guests' memory, process and path calls to us (seccomp(2), SECCOMP_RET_TRAP).
 *
 * It tests the number first: for a number that is always allowed the kernel remembers that and never runs the filter again. A
 * number that the table of trap.c answers is trapped only when the call comes from below TRAP_END, where guests live: the runtime's
 * own calls and those of a program started by a real execve pass. Some are trapped only when one argument says so (a mask that is
 * not NULL), and rt_sigreturn only from the one place where handlers return to whose frames are not the kernel's (entry.S), and
 * from another it kills the thread.
 */
#include <asm-generic/errno.h>
#include <asm/prctl.h>
#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>

#include "host/linux/syscall.h"
#include "runtime/layout.h"
#include "runtime/process/attributes.h"
#include "runtime/procfs/procfs.h"
#include "runtime/trap/entry.h"
#include "runtime/trap/trap.h"

#define X32_BIT 0x40000000u

/* Trapped only when the low or high half of an argument is not 0. */
static const struct {
	uint16_t nr, argument;
} trapped_if[] = {
	{__NR_ppoll, 3},
	{__NR_pselect6, 5},
	{__NR_epoll_pwait, 4},
	{__NR_epoll_pwait2, 4},
	{__NR_get_mempolicy, 4},
};

/* Trapped only for some values of an argument's low half. */
static const uint32_t prctl_options[] = {PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_KEEPCAPS,
	PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_MM, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_CAP_AMBIENT, PR_SET_MDWE,
	PR_GET_MDWE, PR_SET_MEMORY_MERGE, PR_GET_MEMORY_MERGE, PR_GET_AUXV, PR_SET_VMA, PR_SET_SYSCALL_USER_DISPATCH,
	PR_GET_SECCOMP, PR_SET_SECCOMP};
static const uint32_t membarrier_commands[] = {MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_GET_REGISTRATIONS};
static const uint32_t ptrace_requests[] = {PTRACE_TRACEME, PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_SINGLEBLOCK,
	PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP, PTRACE_DETACH};
static const uint32_t seccomp_operations[] = {SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER};
static const uint32_t socket_options[] = {SO_ZEROCOPY};
static const uint32_t ioctl_requests[] = {PROCMAP_QUERY, UFFDIO_REGISTER, UFFDIO_UNREGISTER};

static const uint32_t arch_prctl_codes[] = {ARCH_SET_GS, ARCH_GET_GS, ARCH_SET_CPUID};

enum { ARGUMENTS = 6 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	uint16_t nr, argument;
	const uint32_t *values;
	unsigned count;
} trapped_values[] = {
	{__NR_prctl, 0, prctl_options, COUNT(prctl_options)},
	{__NR_membarrier, 0, membarrier_commands, COUNT(membarrier_commands)},
	{__NR_arch_prctl, 0, arch_prctl_codes, COUNT(arch_prctl_codes)},
	{__NR_ptrace, 0, ptrace_requests, COUNT(ptrace_requests)},
	{__NR_seccomp, 0, seccomp_operations, COUNT(seccomp_operations)},
	{__NR_ioctl, 1, ioctl_requests, COUNT(ioctl_requests)},
	{__NR_setsockopt, 2, socket_options, COUNT(socket_options)},
};

/* Where a number leads: ALLOW, WHERE (trapped when it comes from a guest), or one of the blocks behind, BLOCK_IF one for each
 * argument. */
enum {
	ALLOW,
	WHERE,
	SIGRETURN,
	ABOVE /* beyond the table: x32 */,
	BLOCK_IF,
	BLOCK_VALUES = BLOCK_IF + ARGUMENTS,
	TARGETS = BLOCK_VALUES + COUNT(trapped_values)
};
enum { FILTER_MAX = 256, RUNS_MAX = 128, SYSCALL_SIZE = 2 };

/* Numbers from `first` up to the next run's lead to the same target. */
struct run {
	uint16_t first;
	uint8_t target;
};

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned count;
	struct run runs[RUNS_MAX];
	unsigned run_count;
	bool broken; /* too long, or a jump too far: for who adds to the tables */
	unsigned at[TARGETS]; /* index of each target's first instruction */
};

static void emit(struct filter *p, uint16_t op, uint32_t k, unsigned if_true, unsigned if_false)
{
	p->broken |= if_true > UINT8_MAX || if_false > UINT8_MAX || p->count == FILTER_MAX;
	if (!p->broken)
		p->code[p->count++] = (struct sock_filter)BPF_JUMP(op, k, (uint8_t)if_true, (uint8_t)if_false);
}

static void load(struct filter *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct filter *p, uint32_t what)
{
	emit(p, BPF_RET | BPF_K, what, 0, 0);
}

/* Jump to `target` (an instruction further down, its index known) when A == k. */
static void jump_equal(struct filter *p, uint32_t k, unsigned target)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, k, target - p->count - 1, 0);
}

/* Where each number leads. */
static void targets_find(uint8_t targets[TRAP_NUMBERS + 1])
{
	for (unsigned nr = 0; nr < TRAP_NUMBERS; nr++)
		targets[nr] = trap_answers(nr) ? WHERE : ALLOW;
	targets[TRAP_NUMBERS] = ABOVE;
	targets[__NR_rt_sigreturn] = SIGRETURN;
	for (size_t i = 0; i < COUNT(trapped_if); i++)
		targets[trapped_if[i].nr] = (uint8_t)(BLOCK_IF + trapped_if[i].argument);
	for (size_t i = 0; i < COUNT(trapped_values); i++)
		targets[trapped_values[i].nr] = (uint8_t)(BLOCK_VALUES + i);
}

static void runs_find(struct filter *p)
{
	uint8_t targets[TRAP_NUMBERS + 1], last = TARGETS;

	targets_find(targets);
	for (unsigned nr = 0; nr <= TRAP_NUMBERS; nr++) {
		if (targets[nr] == last)
			continue;
		last = targets[nr];
		p->broken |= p->run_count == RUNS_MAX;
		if (!p->broken)
			p->runs[p->run_count++] = (struct run){(uint16_t)nr, last};
	}
}

/* The tree over the runs [from, to) is at `tree`; one run is none, but where it leads. */
static unsigned branch(const struct filter *p, unsigned from, unsigned to, unsigned tree)
{
	return to - from > 1 ? tree : p->at[p->runs[from].target];
}

/* The run where the numbers of [from, to) are parted in halves, as nearly as runs go. */
static unsigned middle(const struct filter *p, unsigned from, unsigned to)
{
	unsigned end = to < p->run_count ? p->runs[to].first : TRAP_NUMBERS + 1, half = (p->runs[from].first + end) / 2,
		 mid = from + 1;

	while (mid + 1 < to && p->runs[mid + 1].first <= half)
		mid++;
	if (mid + 1 < to && p->runs[mid].first < half && p->runs[mid + 1].first - half < half - p->runs[mid].first)
		mid++;
	return mid;
}

/*
 * A search tree over the runs [from, to): when the filter is installed, the kernel runs it once for every number, to remember which
 * are always allowed, and compiles it: 2.5 µs of the start of `tulou run` for each instruction on the way of all numbers. So long
 * runs have short ways.
 *
 *     from … mid-1 │ mid … to-1          A >= first of mid? the right part, which begins behind the left one
 */
static void emit_tree(struct filter *p, unsigned from, unsigned to)
{
	unsigned mid, next = p->count + 1;

	if (to - from < 2)
		return;
	mid = middle(p, from, to);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, p->runs[mid].first, branch(p, mid, to, next + mid - from - 1) - next,
		branch(p, from, mid, next) - next);
	emit_tree(p, from, mid);
	emit_tree(p, mid, to);
}

static bool is_tested(unsigned argument)
{
	bool found = false;

	for (size_t i = 0; i < COUNT(trapped_if); i++)
		found |= trapped_if[i].argument == argument;
	return found;
}

static void emit_if(struct filter *p, unsigned argument)
{
	size_t at = offsetof(struct seccomp_data, args) + 8 * argument;

	load(p, at);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, p->at[WHERE] - p->count - 1);
	load(p, at + 4);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, p->at[ALLOW] - p->count - 1, p->at[WHERE] - p->count - 1);
}

static void emit_values(struct filter *p, size_t i)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * trapped_values[i].argument);
	for (unsigned v = 0; v < trapped_values[i].count; v++)
		jump_equal(p, trapped_values[i].values[v], p->at[WHERE]);
	answer(p, SECCOMP_RET_ALLOW);
}

/* rt_sigreturn: entry.S. */
static void emit_sigreturn(struct filter *p)
{
	const uint64_t done = (uint64_t)signal_restorer_syscall + SYSCALL_SIZE,
		       trapped = (uint64_t)signal_return_trap_syscall + SYSCALL_SIZE,
		       kills = (uint64_t)thread_kill_syscall + SYSCALL_SIZE;

	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(trapped >> 32), 0, p->at[ALLOW] - p->count - 1);
	load(p, offsetof(struct seccomp_data, instruction_pointer));
	jump_equal(p, (uint32_t)trapped, p->at[WHERE] + 2);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)kills, 0, 1);
	answer(p, SECCOMP_RET_KILL_THREAD);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)done, 0, p->at[ALLOW] - p->count - 1);
	answer(p, runtime.patch ? SECCOMP_RET_ERRNO : SECCOMP_RET_TRAP);
}

/* The first instructions of what comes behind the tree, in this order. */
static void blocks_place(struct filter *p, unsigned at)
{
	enum { IF_SIZE = 4, VALUES_FRAME = 2, SIGRETURN_SIZE = 8, ABOVE_SIZE = 2, WHERE_SIZE = 3 };

	for (unsigned argument = 0; argument < ARGUMENTS; argument++) {
		p->at[BLOCK_IF + argument] = at;
		at += is_tested(argument) ? IF_SIZE : 0;
	}
	for (size_t i = 0; i < COUNT(trapped_values); i++) {
		p->at[BLOCK_VALUES + i] = at;
		at += VALUES_FRAME + trapped_values[i].count;
	}
	p->at[SIGRETURN] = at;
	p->at[ABOVE] = at + SIGRETURN_SIZE;
	p->at[WHERE] = p->at[ABOVE] + ABOVE_SIZE;
	p->at[ALLOW] = p->at[WHERE] + WHERE_SIZE;
}

static void filter_build(struct filter *p)
{
	enum { HEAD = 7 };
	runs_find(p);
	blocks_place(p, HEAD + p->run_count - 1);
	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 4, 0);
	/* int $0x80: a guest's memory calls would pass the manager by. A 32-bit program of a real execve lives below 4 GiB. */
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	load(p, offsetof(struct seccomp_data, nr));
	emit_tree(p, 0, p->run_count);
	for (unsigned argument = 0; argument < ARGUMENTS; argument++)
		if (is_tested(argument))
			emit_if(p, argument);
	for (size_t i = 0; i < COUNT(trapped_values); i++)
		emit_values(p, i);
	emit_sigreturn(p);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, p->at[ALLOW] - p->count - 1); /* ABOVE */
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4); /* WHERE */
	emit(p, BPF_JMP | BPF_JGE | BPF_K, TRAP_END >> 32, 1, 0);
	answer(p, SECCOMP_RET_TRAP);
	answer(p, SECCOMP_RET_ALLOW); /* ALLOW */
}

/* SPEC_ALLOW: the filter guards nothing, so no speculation needs to be switched off for it. */
static long install(const struct sock_fprog *fprog)
{
	return sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, (long)fprog);
}

int trap_install_filter(void)
{
	struct filter p;
	struct sock_fprog fprog = {.filter = p.code};
	long result;

	p.count = p.run_count = 0;
	p.broken = false;
	filter_build(&p);
	if (p.broken)
		return -E2BIG;
	fprog.len = (unsigned short)p.count;
	/* With CAP_SYS_ADMIN it needs no no_new_privs, and set-uid programs keep working. */
	result = install(&fprog);
	if (result == -EACCES) {
		result = sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (!result)
			result = install(&fprog);
	}
	return (int)result;
}

/* SPDX-License-Identifier: MIT */
/*
 * filter.c - the seccomp filter that sends guests' memory, process and path calls to us (seccomp(2), SECCOMP_RET_TRAP).
 *
 * It tests the number first: for a number that is always allowed the kernel remembers that and never runs the filter again. A
 * number that the table of trap.c answers is trapped only when the call comes from below TRAP_END, where guests live: the runtime's own calls and those
 * of a program started by a real execve pass. Some are trapped only when one argument says so (a mask that is not NULL), and
 * rt_sigreturn only from the one place where handlers on an alternate stack return to (signal.h).
 */
#include <asm-generic/errno.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>

#include "host/linux/syscall.h"
#include "runtime/layout.h"
#include "runtime/process/attributes.h"
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
};

/* Trapped only for some values of an argument's low half. */
static const uint32_t prctl_options[] = {PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_KEEPCAPS,
	PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_MM, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE, PR_CAP_AMBIENT, PR_SET_MDWE,
	PR_GET_MDWE, PR_SET_MEMORY_MERGE, PR_GET_MEMORY_MERGE, PR_GET_AUXV, PR_SET_VMA};
static const uint32_t membarrier_commands[] = {MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_GET_REGISTRATIONS};
static const uint32_t ptrace_requests[] = {PTRACE_TRACEME};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	uint16_t nr, argument;
	const uint32_t *values;
	unsigned count;
} trapped_values[] = {
	{__NR_prctl, 0, prctl_options, COUNT(prctl_options)},
	{__NR_membarrier, 0, membarrier_commands, COUNT(membarrier_commands)},
	{__NR_ptrace, 0, ptrace_requests, COUNT(ptrace_requests)},
};

enum { FILTER_HEAD = 7 };
enum {
	FILTER_MAX = 24 + TRAP_NUMBERS / 4 + 5 * COUNT(trapped_if) + 3 * COUNT(trapped_values) + COUNT(prctl_options) +
		     COUNT(membarrier_commands) + COUNT(ptrace_requests)
};
enum { TESTS_SIGRETURN = 5, SYSCALL_SIZE = 2 };

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned count;
};

static void emit(struct filter *p, uint16_t op, uint32_t k, unsigned if_true, unsigned if_false)
{
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

/* Numbers that the table answers whatever their arguments are. The next one from `nr` on; TRAP_NUMBERS: none. */
static unsigned next_trapped(unsigned nr)
{
	for (; nr < TRAP_NUMBERS; nr++) {
		bool conditional = nr == __NR_rt_sigreturn;
		for (size_t i = 0; i < COUNT(trapped_if); i++)
			conditional |= nr == trapped_if[i].nr;
		for (size_t i = 0; i < COUNT(trapped_values); i++)
			conditional |= nr == trapped_values[i].nr;
		if (trap_answers(nr) && !conditional)
			break;
	}
	return nr;
}

static void filter_build(struct filter *p)
{
	/* Layout: head, numbers, ALLOW, argument tests, then `where`: TRAP, ALLOW, ENOSYS. The indices follow from the counts. */
	const uint64_t sigreturn_at = (uint64_t)signal_restorer_syscall + SYSCALL_SIZE;
	unsigned numbers = 0;
	for (unsigned nr = next_trapped(0); nr < TRAP_NUMBERS; nr = next_trapped(nr + 1))
		numbers++;
	unsigned arguments = FILTER_HEAD + numbers + COUNT(trapped_if) + COUNT(trapped_values) + 1 + 1;
	unsigned values = arguments + 4 * COUNT(trapped_if);
	unsigned sigreturn = values;
	for (size_t i = 0; i < COUNT(trapped_values); i++)
		sigreturn += 1 + trapped_values[i].count + 1;
	unsigned where = sigreturn + TESTS_SIGRETURN, trap = where + 2, allow = where + 3, enosys = where + 4;

	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 3, 0);
	/* int $0x80: a guest's memory calls would pass the manager by. A 32-bit program of a real execve lives below 4 GiB. */
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	jump_equal(p, 0, allow);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
	load(p, offsetof(struct seccomp_data, nr));
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, enosys - p->count - 1, 0);
	for (unsigned nr = next_trapped(0); nr < TRAP_NUMBERS; nr = next_trapped(nr + 1))
		jump_equal(p, nr, where);
	for (size_t i = 0; i < COUNT(trapped_if); i++)
		jump_equal(p, trapped_if[i].nr, (unsigned)(arguments + 4 * i));
	for (size_t i = 0, at = values; i < COUNT(trapped_values); at += 1 + trapped_values[i++].count + 1)
		jump_equal(p, trapped_values[i].nr, (unsigned)at);
	jump_equal(p, __NR_rt_sigreturn, sigreturn);
	answer(p, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < COUNT(trapped_if); i++) {
		size_t at = offsetof(struct seccomp_data, args) + 8 * trapped_if[i].argument;
		load(p, at);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, where - p->count - 1);
		load(p, at + 4);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, allow - p->count - 1, where - p->count - 1);
	}
	for (size_t i = 0; i < COUNT(trapped_values); i++) {
		load(p, offsetof(struct seccomp_data, args) + 8 * trapped_values[i].argument);
		for (unsigned v = 0; v < trapped_values[i].count; v++)
			jump_equal(p, trapped_values[i].values[v], where);
		answer(p, SECCOMP_RET_ALLOW);
	}
	load(p, offsetof(struct seccomp_data, instruction_pointer)); /* sigreturn: */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)sigreturn_at, 0, allow - p->count - 1);
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	jump_equal(p, (uint32_t)(sigreturn_at >> 32), trap);
	answer(p, SECCOMP_RET_ALLOW);
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4); /* where: */
	emit(p, BPF_JMP | BPF_JGE | BPF_K, TRAP_END >> 32, 1, 0);
	answer(p, SECCOMP_RET_TRAP);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | ENOSYS);
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

	p.count = 0;
	filter_build(&p);
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

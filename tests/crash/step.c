/* SPDX-License-Identifier: MIT */
/* step.c - see step.h. SIGTRAP after every instruction; its handler runs with the flag off, and sets it again by returning. */
#include "step.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <ucontext.h>

enum { TRAP_FLAG = 0x100, STACK_SIZE = 1 << 20 };

static step_visit visitor;

static uint64_t flags_get(void)
{
	return __builtin_ia32_readeflags_u64();
}

static void flags_set(uint64_t flags)
{
	__builtin_ia32_writeeflags_u64(flags);
}

bool step_off(void)
{
	uint64_t flags = flags_get();

	if (!(flags & TRAP_FLAG))
		return false;
	flags_set(flags & ~(uint64_t)TRAP_FLAG);
	return true;
}

void step_on(bool was_on)
{
	if (was_on)
		flags_set(flags_get() | TRAP_FLAG);
}

static void trapped(int signo, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)signo;
	(void)info;
	if (!visitor((uintptr_t)u->uc_mcontext.gregs[REG_RIP]))
		u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

void step_run(void (*function)(void *arg), void *arg, step_visit visit)
{
	static char *stack;
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	stack_t alternate = {.ss_size = STACK_SIZE};

	if (!stack) /* visits nest: a visitor may step another function, on the same stack */
		stack = malloc(STACK_SIZE);
	alternate.ss_sp = stack;
	sigaltstack(&alternate, NULL);
	sigaction(SIGTRAP, &action, NULL);
	visitor = visit;
	step_on(true);
	function(arg);
	step_off();
}

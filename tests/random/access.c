/* SPDX-License-Identifier: MIT */
/* access.c - touch one byte, and say which signal that would have been. */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "side.h"

static sigjmp_buf out;
static volatile sig_atomic_t armed;
static volatile long fault;
static volatile uintptr_t touched;

static void fault_caught(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!armed) {
		/* not ours: a crash of the code under test. Returning runs into it again, and that ends the child. */
		signal(number, SIG_DFL);
		return;
	}
	fault = fault_make(number, info->si_code) | (long)((uintptr_t)info->si_addr != touched) << 16;
	siglongjmp(out, 1);
}

void access_init(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = fault_caught;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

__attribute__((no_sanitize("address", "undefined"))) long access_load(uintptr_t addr, uint8_t *value)
{
	fault = 0;
	touched = addr;
	if (sigsetjmp(out, 0) == 0) {
		armed = 1;
		*value = *(volatile uint8_t *)addr;
	}
	armed = 0;
	return fault;
}

__attribute__((no_sanitize("address", "undefined"))) long access_store(uintptr_t addr, uint8_t value)
{
	fault = 0;
	touched = addr;
	if (sigsetjmp(out, 0) == 0) {
		armed = 1;
		*(volatile uint8_t *)addr = value;
	}
	armed = 0;
	return fault;
}

/* SPDX-License-Identifier: MIT */
/*
 * signal_segment - a handler returns into a 32-bit code segment; what it traps with there comes to a handler in 64-bit mode, which sees
 * the 32-bit segment in its context and goes back to where all began.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "expect.h"

enum { CODE_32 = 0x23, CODE_64 = 0x33, STACK = 65536, PAGE = 4096 };

static char stack[STACK];
static unsigned char *low; /* a page that 32-bit code can reach: "int3" */
static gregset_t before;
static volatile int trapped;

static unsigned code_segment(void)
{
	unsigned short cs;

	__asm__("mov %%cs, %0" : "=r"(cs));
	return cs;
}

static void leave(int number, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;

	(void)number;
	(void)info;
	memcpy(before, context->uc_mcontext.gregs, sizeof before);
	context->uc_mcontext.gregs[REG_RIP] = (greg_t)low;
	context->uc_mcontext.gregs[REG_RSP] = (greg_t)low + PAGE / 2;
	context->uc_mcontext.gregs[REG_CSGSFS] = (before[REG_CSGSFS] & ~0xffffll) | CODE_32;
}

static void back(int number, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;

	(void)number;
	(void)info;
	EXPECT(code_segment() == CODE_64);
	EXPECT((context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == CODE_32);
	EXPECT(context->uc_mcontext.gregs[REG_RIP] == (greg_t)low + 1);
	memcpy(context->uc_mcontext.gregs, before, sizeof before);
	trapped++;
}

static void around(int flags)
{
	struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO | flags};

	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	action.sa_sigaction = back;
	action.sa_flags |= SA_ONSTACK; /* the 32-bit stack is nowhere */
	EXPECT(sigaction(SIGTRAP, &action, NULL) == 0);
	for (int i = 0; i < 100; i++)
		EXPECT(raise(SIGUSR1) == 0);
	printf("flags %#x: %d times there and back\n", flags, trapped);
}

int main(void)
{
	stack_t alternate = {.ss_sp = stack, .ss_size = STACK};

	low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	EXPECT(low != MAP_FAILED);
	memset(low, 0xcc, PAGE);
	EXPECT(sigaltstack(&alternate, NULL) == 0);
	around(0);
	around(SA_ONSTACK);
}

/* SPDX-License-Identifier: MIT */
/*
 * wild_stack - system calls made while the stack pointer points to nowhere: the kernel does not look at it, so they work, and an argument that
 * cannot be read is EFAULT. A signal that would need the stack is SIGSEGV.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

/* The call with that stack pointer. */
long wild_call(uint64_t sp, long nr, long a, long b, long c, long d);
__asm__(".globl wild_call\n"
	"wild_call:\n push %rbx\n mov %rsp, %rbx\n mov %rdi, %rsp\n mov %rsi, %rax\n mov %rdx, %rdi\n"
	" mov %rcx, %rsi\n mov %r8, %rdx\n mov %r9, %r10\n xor %r8d, %r8d\n xor %r9d, %r9d\n syscall\n mov %rbx, %rsp\n pop "
	"%rbx\n ret\n");

static const char device[] = "/dev/null";
static char buffer[64] __attribute__((aligned(64)));

static void say(const char *what, long result)
{
	if (result < 0)
		printf("  %s: %s\n", what, strerrorname_np((int)-result));
	else
		printf("  %s: %s\n", what, result ? "a number" : "0");
}

static long map(uint64_t sp)
{
	return wild_call(sp, SYS_brk, 0, 0, 0, 0);
}

/* Every call finds its arguments elsewhere; then where the stack pointer is. */
static void try(const char *name, uint64_t sp)
{
	const uint64_t set = 1 << (SIGUSR1 - 1), near = (sp & ~4095ul) + 64;
	long fd;

	printf("%s\n", name);
	say("brk", map(sp));
	say("getppid", wild_call(sp, SYS_getppid, 0, 0, 0, 0));
	fd = wild_call(sp, SYS_openat, AT_FDCWD, (long)device, O_RDONLY, 0);
	say("openat", fd);
	EXPECT(fd < 0 || close((int)fd) == 0);
	say("openat of nothing", wild_call(sp, SYS_openat, AT_FDCWD, 8, O_RDONLY, 0));
	say("openat, /proc/self/maps", wild_call(sp, SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY, 0));
	say("readlink", wild_call(sp, SYS_readlink, (long)"/proc/self/cwd", (long)buffer, sizeof buffer, 0));
	say("rt_sigprocmask", wild_call(sp, SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, (long)buffer, 8));
	say("rt_sigprocmask, near", wild_call(sp, SYS_rt_sigprocmask, SIG_BLOCK, (long)near, 0, 8));
	say("rt_sigaction, near", wild_call(sp, SYS_rt_sigaction, SIGUSR2, (long)near, 0, 8));
	say("rt_sigaction, to near", wild_call(sp, SYS_rt_sigaction, SIGUSR2, 0, (long)near, 8));
	say("getrlimit, near", wild_call(sp, SYS_getrlimit, 9, (long)near, 0, 0));
	say("openat, near", wild_call(sp, SYS_openat, AT_FDCWD, (long)near, O_RDONLY, 0));
	say("sigaltstack, near", wild_call(sp, SYS_sigaltstack, (long)near, 0, 0, 0));
}

static void handler(int signo)
{
	(void)signo;
	_exit(41);
}

static uint64_t handler_stack_pointer;

static void on_stack_of_its_own(int signo)
{
	int here;

	_exit(signo == SIGSEGV && (uint64_t)&here - handler_stack_pointer < (64 << 10) ? 42 : 43);
}

/* A signal finds no stack: death, or the handler of SIGSEGV on its own one. */
static void signalled(bool handles)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct sigaction action = {.sa_handler = on_stack_of_its_own, .sa_flags = SA_ONSTACK};
		sigset_t none;
		stack_t stack = {.ss_sp = malloc(64 << 10), .ss_size = 64 << 10};

		handler_stack_pointer = (uint64_t)stack.ss_sp;
		sigemptyset(&none);
		signal(SIGUSR1, handler);
		sigprocmask(SIG_SETMASK, &none, NULL);
		EXPECT(!handles || (sigaltstack(&stack, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0));
		wild_call(16, SYS_kill, getpid(), SIGUSR1, 0, 0);
		_exit(1);
	}
	EXPECT(waitpid(child, &status, 0) == child);
	printf("a signal: %s %d\n", WIFSIGNALED(status) ? "killed by" : "exit",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int main(void)
{
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	setvbuf(stdout, NULL, _IOLBF, 0);
	munmap(gone, 4096);
	for (int i = 0; i < 20; i++) /* until its site needs no trap */
		map((uint64_t)none + 2048);
	try("null", 16);
	try("not an address", ~7ul);
	try("half of the address space", 1ul << 47);
	try("no access", (uint64_t)none + 2048);
	try("read only", (uint64_t)read_only + 2048);
	try("unmapped", (uint64_t)gone + 2048);
	signalled(false);
	signalled(true);
	return 0;
}

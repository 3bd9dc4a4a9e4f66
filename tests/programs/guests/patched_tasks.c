/* SPDX-License-Identifier: MIT */
/*
 * patched_tasks - threads, vforks and forks from call sites that are patched, while a timer's signals arrive: the new task has its
 * creator's registers, floating point and mask, its handlers run on its own stack, and a signal of the creator's is not its own.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "expect.h"

enum { ROUNDS = 300, STACK = 65536, TIMER_US = 150, SPIN = 20000, NEAR = 16 << 20 };

/* clone(flags, stack), with a value in each register that a call leaves alone. The child ends at once: status 0, all had arrived.
 * In the parent -1000: one has not. */
long registers_clone(uint64_t flags, void *stack);
__asm__(".text\n"
	".type registers_clone, @function\n"
	"registers_clone:\n"
	"	.cfi_startproc\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov $0x1234, %ebx; mov $0x2345, %ebp; mov $0x3456, %r12d\n"
	"	mov $0x4567, %r13d; mov $0x5678, %r14d; mov $0x6789, %r15d\n"
	"	movq %rbx, %xmm7; movq %r15, %xmm15\n"
	"	mov $0x789a, %r8d; mov $0x89ab, %r9d\n"
	"	xor %edx, %edx; xor %r10d, %r10d\n"
	"	mov $56, %eax\n"
	"	syscall\n"
	"	movq %xmm7, %rcx; xor %rbx, %rcx\n"
	"	movq %xmm15, %r11; xor %r15, %r11; or %r11, %rcx\n"
	"	xor $0x1234, %rbx; or %rbx, %rcx\n"
	"	xor $0x2345, %rbp; or %rbp, %rcx\n"
	"	xor $0x3456, %r12; or %r12, %rcx\n"
	"	xor $0x4567, %r13; or %r13, %rcx\n"
	"	xor $0x5678, %r14; or %r14, %rcx\n"
	"	xor $0x6789, %r15; or %r15, %rcx\n"
	"	xor $0x789a, %r8; or %r8, %rcx\n"
	"	xor $0x89ab, %r9; or %r9, %rcx\n"
	"	or %rdx, %rcx; or %r10, %rcx\n"
	"	test %eax, %eax\n"
	"	jz 1f\n"
	"	test %rcx, %rcx\n"
	"	jz 2f\n"
	"	mov $-1000, %rax\n"
	"2:	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"1:	xor %edi, %edi\n"
	"	test %rcx, %rcx\n"
	"	setne %dil\n"
	"	mov $231, %eax\n"
	"	syscall\n"
	"	hlt\n"
	"	.cfi_endproc\n"
	"	.size registers_clone, . - registers_clone\n");

static pid_t self;
static atomic_int arrived, far;
static _Thread_local char *stack_near;
static int *shared; /* with forked children */

/* The timer is this process's alone: no child has one. */
static void handler(int signo)
{
	char here;
	int error = errno;
	ptrdiff_t distance = stack_near ? &here - stack_near : 0;

	(void)signo;
	arrived++;
	if (getpid() != self)
		__atomic_add_fetch(shared, 1, __ATOMIC_RELAXED);
	if (distance > NEAR || distance < -NEAR)
		far++;
	errno = error;
}

static void reap(pid_t pid)
{
	int status;

	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void spin(void)
{
	for (volatile int i = 0; i < SPIN; i++)
		;
}

static void check_registers(void)
{
	char *stack = malloc(STACK);

	EXPECT(stack);
	for (int i = 0; i < ROUNDS; i++) {
		reap((pid_t)registers_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
		reap((pid_t)registers_clone(CLONE_VM | SIGCHLD, stack + STACK));
		if (i % 10 == 0)
			reap((pid_t)registers_clone(SIGCHLD, NULL));
	}
	free(stack);
	puts("registers");
}

/* What a vfork child finds is left in memory that is its parent's. */
static struct {
	sigset_t mask;
	stack_t stack;
} child, parent;

static pid_t vfork_once(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(sigprocmask(SIG_BLOCK, NULL, &child.mask) || sigaltstack(NULL, &child.stack));
	return pid;
}

static void check_vfork(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		reap(vfork_once());
		EXPECT(sigprocmask(SIG_BLOCK, NULL, &parent.mask) == 0 && sigaltstack(NULL, &parent.stack) == 0);
		EXPECT(memcmp(&child.mask, &parent.mask, sizeof(uint64_t)) == 0 && sigismember(&child.mask, SIGUSR1) == 1);
		EXPECT(child.stack.ss_sp == parent.stack.ss_sp && child.stack.ss_flags == parent.stack.ss_flags);
	}
	puts("vfork");
}

static void check_fork(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			sigset_t mask;
			spin(); /* a signal that it should not have would come now */
			_exit(sigprocmask(SIG_BLOCK, NULL, &mask) || sigismember(&mask, SIGALRM) || !sigismember(&mask, SIGUSR1));
		}
		reap(pid);
	}
	EXPECT(*shared == 0);
	puts("fork");
}

static void *thread(void *arg)
{
	sigset_t mask;
	char here;

	stack_near = &here;
	EXPECT(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0 && !sigismember(&mask, SIGALRM) && sigismember(&mask, SIGUSR1));
	spin();
	return arg;
}

static void check_threads(void)
{
	void *result;

	for (long i = 0; i < ROUNDS; i++) {
		pthread_t threads[4];

		for (long j = 0; j < 4; j++)
			EXPECT(pthread_create(&threads[j], NULL, thread, (void *)(i + j)) == 0);
		for (long j = 0; j < 4; j++)
			EXPECT(pthread_join(threads[j], &result) == 0 && result == (void *)(i + j));
	}
	EXPECT(far == 0);
	puts("threads");
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval timer = {{0, TIMER_US}, {0, TIMER_US}}, none = {{0, 0}, {0, 0}};
	sigset_t usr1;
	char here;

	self = getpid();
	stack_near = &here;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(shared != MAP_FAILED);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0);
	check_registers();
	check_vfork();
	check_fork();
	check_threads();
	EXPECT(setitimer(ITIMER_REAL, &none, NULL) == 0);
	printf("signals: %s\n", arrived > 100 ? "many" : "too few");
	return 0;
}

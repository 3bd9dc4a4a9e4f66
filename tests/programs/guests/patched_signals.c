/* SPDX-License-Identifier: MIT */
/*
 * patched_signals - signals at every instruction of memory calls: handlers of all kinds that call in again, that leave by siglongjmp,
 * that look where they interrupted the program (never at an address or on a stack that is not its own); calls that wait; threads
 * that are cancelled.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include "expect.h"

enum { THREADS = 4, SIGNALS = 15000, JUMPS = 3000, PAGE = 4096, RANGES = 64, IN_FLIGHT = 60, CANCELLED = 200, ALT_STACK = 65536 };

static struct range {
	uintptr_t start, end;
} texts[RANGES];
static size_t text_count;
static atomic_int counts[3], running;
static _Thread_local uintptr_t stack_start, stack_end;
static _Thread_local char *alternate;

/* Executable mappings with a name: files, and the vdso. */
static void texts_read(void)
{
	char line[512], name[256];
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps != NULL);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx r-xp %*s %*s %*s %255s", &start, &end, name) == 3) {
			EXPECT(text_count < RANGES);
			texts[text_count++] = (struct range){start, end};
		}
	fclose(maps);
}

static void stack_read(void)
{
	pthread_attr_t attr;
	void *start;
	size_t size;

	EXPECT(pthread_getattr_np(pthread_self(), &attr) == 0 && pthread_attr_getstack(&attr, &start, &size) == 0);
	stack_start = (uintptr_t)start;
	stack_end = stack_start + size;
	pthread_attr_destroy(&attr);
}

static char *get(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static void call_in(void)
{
	char *at = get(PAGE);

	EXPECT(at[9] == 0);
	at[9] = 1;
	EXPECT(mprotect(at, PAGE, PROT_READ) == 0 && at[9] == 1);
	EXPECT(munmap(at, PAGE) == 0);
}

/* `restorer`: where handlers return to. A signal that arrives there interrupted a handler that had ended. */
static void expect_own_context(const ucontext_t *context, const void *restorer)
{
	uintptr_t rip = (uintptr_t)context->uc_mcontext.gregs[REG_RIP], rsp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
	bool known = rip == (uintptr_t)restorer;

	for (size_t i = 0; i < text_count; i++)
		known |= rip >= texts[i].start && rip < texts[i].end;
	EXPECT(known);
	EXPECT((rsp >= stack_start && rsp <= stack_end) ||
		(rsp >= (uintptr_t)alternate && rsp <= (uintptr_t)alternate + ALT_STACK));
}

static void plain(int number)
{
	int saved = errno;

	EXPECT(number == SIGRTMIN);
	call_in();
	counts[0]++;
	errno = saved;
}

static void with_info(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	EXPECT(number == SIGRTMIN + 1 && info->si_code == SI_QUEUE && info->si_pid == getpid() &&
		info->si_value.sival_int % 3 == 1);
	expect_own_context(context, __builtin_return_address(0));
	call_in();
	counts[1]++;
	errno = saved;
}

static void on_alternate(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	char here;

	EXPECT(number == SIGRTMIN + 2 && info->si_signo == number && info->si_code == SI_QUEUE);
	EXPECT((uintptr_t)&here >= (uintptr_t)alternate && (uintptr_t)&here < (uintptr_t)alternate + ALT_STACK);
	expect_own_context(context, __builtin_return_address(0));
	call_in();
	counts[2]++;
	errno = saved;
}

static void begin_thread(void)
{
	stack_t stack = {.ss_size = ALT_STACK};

	stack_read();
	alternate = get(ALT_STACK);
	stack.ss_sp = alternate;
	EXPECT(sigaltstack(&stack, NULL) == 0);
}

static void *thread(void *arg)
{
	uint32_t self = (uint32_t)(uintptr_t)arg + 1;
	sigset_t all, old;

	begin_thread();
	sigfillset(&all);
	running++;
	for (uint32_t i = 0; counts[0] + counts[1] + counts[2] < SIGNALS; i++) {
		size_t size = PAGE * (1 + i % 5);
		char *at = get(size);

		EXPECT(((uint32_t *)at)[1] == 0);
		((uint32_t *)at)[1] = self;
		if (i % 4 == 0)
			EXPECT(sigprocmask(SIG_BLOCK, &all, &old) == 0 && sigprocmask(SIG_SETMASK, &old, NULL) == 0);
		EXPECT(((uint32_t *)at)[1] == self);
		EXPECT(munmap(at, size) == 0);
	}
	return NULL;
}

/* Real-time signals: none is merged with another, and each thread gets those that are sent to it. */
static void storm(void)
{
	pthread_t threads[THREADS];
	int sent = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)i) == 0);
	while (running < THREADS)
		sched_yield();
	for (; sent < SIGNALS; sent++) {
		while (sent - (counts[0] + counts[1] + counts[2]) > IN_FLIGHT)
			sched_yield();
		EXPECT(!pthread_sigqueue(threads[sent / 3 % THREADS], SIGRTMIN + sent % 3, (union sigval){.sival_int = sent}));
	}
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < 3; i++)
		EXPECT(counts[i] == SIGNALS / 3);
}

/* ---- leaving a handler for good ---- */

static sigjmp_buf again;
static volatile sig_atomic_t jumps, armed;

static void jump_away(int number)
{
	if (!armed)
		return;
	EXPECT(number == SIGALRM);
	jumps++;
	siglongjmp(again, 1);
}

static void jumping(void)
{
	struct sigaction action = {.sa_handler = jump_away};
	struct itimerval often = {.it_interval = {.tv_usec = 100}, .it_value = {.tv_usec = 100}}, off = {0};

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	sigsetjmp(again, 1);
	armed = 1;
	while (jumps < JUMPS) /* what was mapped when the jump came is lost: few pages */
		EXPECT(munmap(get(PAGE), PAGE) == 0);
	armed = 0;
	EXPECT(setitimer(ITIMER_REAL, &off, NULL) == 0);
}

/* ---- calls that wait ---- */

static volatile sig_atomic_t rings;

static void ring(int number)
{
	EXPECT(number == SIGALRM);
	call_in();
	rings++;
}

static void *open_for_writing(void *arg)
{
	usleep(200000);
	return (void *)(intptr_t)open(arg, O_WRONLY);
}

/* open of a pipe without a writer: ended by a signal, or begun again behind it. */
static void waiting(void)
{
	struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	struct sigaction action = {.sa_handler = ring};
	char name[] = "patched_signals.fifo";
	pthread_t writer;
	void *written;
	int fd;

	for (int i = 0; i < 100; i++)
		EXPECT((fd = open("/dev/null", O_RDONLY)) >= 0 && close(fd) == 0);
	EXPECT(mkfifo(name, 0600) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	EXPECT(open(name, O_RDONLY) == -1 && errno == EINTR && rings == 1);
	action.sa_flags = SA_RESTART;
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
	EXPECT(pthread_create(&writer, NULL, open_for_writing, name) == 0);
	EXPECT((fd = open(name, O_RDONLY)) >= 0 && rings == 2);
	EXPECT(pthread_join(writer, &written) == 0 && (intptr_t)written >= 0);
	EXPECT(close(fd) == 0 && close((int)(intptr_t)written) == 0 && unlink(name) == 0);
}

/* Threads that are cancelled in the midst of it: unwound from wherever they are. */
static atomic_int cleaned;

static void clean(void *arg)
{
	EXPECT(*(int *)arg == 42);
	cleaned++;
}

static void *open_forever(void *arg)
{
	int mark = 42;

	(void)arg;
	pthread_cleanup_push(clean, &mark);
	for (;;) {
		int fd = open("/dev/null", O_RDONLY), old;

		EXPECT(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
		EXPECT(fd >= 0 && close(fd) == 0);
		call_in();
		EXPECT(pthread_setcancelstate(old, NULL) == 0);
	}
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancelling(void)
{
	for (int i = 0; i < CANCELLED; i++) {
		pthread_t one;
		void *result;

		EXPECT(pthread_create(&one, NULL, open_forever, NULL) == 0);
		usleep((unsigned)i * 13 % 700);
		EXPECT(pthread_cancel(one) == 0 && pthread_join(one, &result) == 0 && result == PTHREAD_CANCELED);
	}
	EXPECT(cleaned == CANCELLED);
}

int main(void)
{
	struct sigaction action = {.sa_handler = plain};

	begin_thread();
	texts_read();
	EXPECT(sigaction(SIGRTMIN, &action, NULL) == 0);
	action = (struct sigaction){.sa_sigaction = with_info, .sa_flags = SA_SIGINFO};
	EXPECT(sigaction(SIGRTMIN + 1, &action, NULL) == 0);
	action = (struct sigaction){.sa_sigaction = on_alternate, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	EXPECT(sigaction(SIGRTMIN + 2, &action, NULL) == 0);
	storm();
	jumping();
	waiting();
	cancelling();
	puts("signals and patched sites go together");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * signal_storm - an interval timer fires while four threads map, fill, check and unmap; the handler makes memory calls itself, in
 * whatever thread and at whatever instruction it lands.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include "expect.h"

enum { THREADS = 4, ROUNDS = 3000, SIGNALS = 1500, PAGE = 4096 };

static atomic_int signals, running = THREADS;

static uint64_t *get(size_t pages)
{
	uint64_t *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static void handler(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uint64_t *page = get(1);

	(void)context;
	EXPECT(number == SIGALRM && info->si_signo == SIGALRM);
	EXPECT(page[7] == 0);
	page[7] = 1;
	EXPECT(mprotect(page, PAGE, PROT_READ) == 0);
	EXPECT(page[7] == 1);
	EXPECT(munmap(page, PAGE) == 0);
	signals++;
	errno = saved;
}

static void *thread(void *arg)
{
	uint64_t self = (uint64_t)(uintptr_t)arg + 1;

	for (uint64_t i = 0; i < ROUNDS || signals < SIGNALS; i++) {
		size_t pages = 1 + i % 7;
		uint64_t *at = get(pages);

		for (size_t j = 0; j < pages; j++) {
			EXPECT(at[j * PAGE / 8] == 0);
			at[j * PAGE / 8] = self << 32 | i;
		}
		at = mremap(at, pages * PAGE, (pages + 1) * PAGE, MREMAP_MAYMOVE);
		EXPECT(at != MAP_FAILED);
		for (size_t j = 0; j < pages; j++)
			EXPECT(at[j * PAGE / 8] == (self << 32 | i));
		EXPECT(munmap(at, (pages + 1) * PAGE) == 0);
	}
	running--;
	return NULL;
}

int main(void)
{
	struct itimerval often = {.it_interval = {.tv_usec = 300}, .it_value = {.tv_usec = 300}}, off = {0};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	pthread_t threads[THREADS];

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	for (long i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)i) == 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &off, NULL) == 0);
	EXPECT(signals >= SIGNALS && running == 0);
	puts("the storm is over");
	return 0;
}

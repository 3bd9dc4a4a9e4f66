/* SPDX-License-Identifier: MIT */
/*
 * threads - what a thread's life hangs on besides memory: join (the kernel clears its tid), cancellation in a system call, keys'
 * destructors, robust mutexes whose owner dies, thread-directed signals, names, many short lives.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

static atomic_int destroyed, cleaned, signalled;
static pthread_key_t key;
static sem_t ready;

static void *brief(void *arg)
{
	char *block = malloc(5000);

	EXPECT(block);
	block[4999] = 1;
	free(block);
	return arg;
}

static void check_many(void)
{
	void *result;

	for (long i = 0; i < 500; i++) {
		pthread_t threads[4];

		for (long j = 0; j < 4; j++)
			EXPECT(pthread_create(&threads[j], NULL, brief, (void *)(i + j)) == 0);
		for (long j = 0; j < 4; j++)
			EXPECT(pthread_join(threads[j], &result) == 0 && result == (void *)(i + j));
	}
	puts("2000 threads");
}

static void clean(void *arg)
{
	(void)arg;
	cleaned++;
}

static void *blocked(void *arg)
{
	int ends[2];
	char byte;

	EXPECT(pipe(ends) == 0);
	pthread_cleanup_push(clean, NULL);
	sem_post(&ready);
	EXPECT(read(ends[0], &byte, 1) == -2); /* never returns */
	pthread_cleanup_pop(0);
	return arg;
}

static void *mapping(void *arg)
{
	EXPECT(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL) == 0);
	pthread_cleanup_push(clean, NULL);
	sem_post(&ready);
	for (;;) {
		void *at = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		EXPECT(at != MAP_FAILED && munmap(at, 8192) == 0);
		pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return arg;
}

static void check_cancel(void)
{
	pthread_t thread;
	void *result;

	for (int i = 0; i < 20; i++) {
		EXPECT(pthread_create(&thread, NULL, i % 2 ? blocked : mapping, NULL) == 0);
		EXPECT(sem_wait(&ready) == 0);
		EXPECT(pthread_cancel(thread) == 0);
		EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	}
	EXPECT(cleaned == 20);
	puts("20 cancellations");
}

static void destroy(void *value)
{
	EXPECT(value == &key);
	destroyed++;
}

static void *with_key(void *arg)
{
	char name[16];

	EXPECT(pthread_setspecific(key, &key) == 0);
	EXPECT(pthread_setname_np(pthread_self(), "a-thread") == 0);
	EXPECT(pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && strcmp(name, "a-thread") == 0);
	return arg;
}

static void check_keys(void)
{
	pthread_t thread;

	EXPECT(pthread_key_create(&key, destroy) == 0);
	EXPECT(pthread_create(&thread, NULL, with_key, NULL) == 0 && pthread_join(thread, NULL) == 0);
	EXPECT(destroyed == 1);
	puts("keys are destroyed");
}

static void check_robust(void)
{
	pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;
	int status;
	pid_t pid;

	EXPECT(mutex != MAP_FAILED && pthread_mutexattr_init(&attributes) == 0);
	EXPECT(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
	EXPECT(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
	EXPECT(pthread_mutex_init(mutex, &attributes) == 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(pthread_mutex_lock(mutex) == 0);
		raise(SIGKILL);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == SIGKILL);
	EXPECT(pthread_mutex_lock(mutex) == EOWNERDEAD);
	EXPECT(pthread_mutex_consistent(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
	EXPECT(pthread_mutex_lock(mutex) == 0 && pthread_mutex_unlock(mutex) == 0);
	puts("a dead owner's mutex is passed on");
}

static void handler(int number)
{
	(void)number;
	signalled = (int)syscall(SYS_gettid);
}

static void *await_signal(void *arg)
{
	atomic_int *tid = arg;

	*tid = (int)syscall(SYS_gettid);
	sem_post(&ready);
	while (signalled != *tid)
		usleep(100);
	return NULL;
}

static void check_signals(void)
{
	atomic_int tid;
	pthread_t thread;

	signal(SIGUSR1, handler);
	EXPECT(pthread_create(&thread, NULL, await_signal, &tid) == 0);
	EXPECT(sem_wait(&ready) == 0 && tid != getpid());
	EXPECT(pthread_kill(thread, SIGUSR1) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	puts("signals find their thread");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	EXPECT(sem_init(&ready, 0, 0) == 0);
	check_many();
	check_cancel();
	check_keys();
	check_robust();
	check_signals();
	return 0;
}

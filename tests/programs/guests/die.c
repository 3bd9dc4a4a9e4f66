/* SPDX-License-Identifier: MIT */
/* die - end in the way that argv[1] names. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include "expect.h"

static void *exit_in_thread(void *arg)
{
	exit((int)(long)arg);
}

static void *outlive_main(void *arg)
{
	EXPECT(pthread_join(*(pthread_t *)arg, NULL) == 0);
	printf("the thread ends last\n");
	return NULL;
}

static void at_exit(void)
{
	printf("at exit\n");
}

static void start(void *(*function)(void *), void *arg)
{
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, function, arg) == 0);
}

int main(int argc, char **argv)
{
	static pthread_t main_thread;
	const char *how = argc > 1 ? argv[1] : "";
	int ends[2];

	if (strcmp(how, "return") == 0) {
		atexit(at_exit);
		return 7;
	} else if (strcmp(how, "_exit") == 0) {
		_exit(255);
	} else if (strcmp(how, "exit-thread") == 0) {
		start(exit_in_thread, (void *)9L);
		for (;;)
			pause();
	} else if (strcmp(how, "last-thread") == 0) {
		main_thread = pthread_self();
		start(outlive_main, &main_thread);
		pthread_exit(NULL);
	} else if (strcmp(how, "exit-syscall") == 0) {
		syscall(SYS_exit, 11);
	} else if (strcmp(how, "segv") == 0) {
		*(volatile int *)8 = 1;
	} else if (strcmp(how, "abort") == 0) {
		abort();
	} else if (strcmp(how, "pipe") == 0) {
		EXPECT(pipe(ends) == 0 && close(ends[0]) == 0);
		EXPECT(write(ends[1], "x", 1) == 1);
	} else if (strcmp(how, "trap") == 0) {
		__builtin_trap();
	} else if (strcmp(how, "alarm") == 0) {
		ualarm(10000, 0);
		for (;;)
			pause();
	} else {
		raise(atoi(how));
	}
	return 98;
}

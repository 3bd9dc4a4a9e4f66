/* SPDX-License-Identifier: MIT */
/* robust - robust mutexes in shared memory whose owner dies: by exit, by a kill, by an exec, in a child of fork and of posix_spawn. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;

struct shared {
	pthread_mutex_t mutexes[3];
};

static struct shared *shared;
static int memory;

static struct shared *map(void)
{
	struct shared *at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

/* The child's part: lock two, and end. */
static void die(const char *how, int ready)
{
	char number[20];

	EXPECT(pthread_mutex_lock(&shared->mutexes[0]) == 0 && pthread_mutex_lock(&shared->mutexes[2]) == 0);
	EXPECT(write(ready, "r", 1) == 1);
	if (strcmp(how, "exit") == 0)
		_exit(0);
	if (strcmp(how, "exec") == 0) {
		snprintf(number, sizeof(number), "%d", memory);
		usleep(20000); /* the parent waits by then */
		execl("/proc/self/exe", "robust", "linger", number, number, NULL);
	}
	pause();
}

static void check(const char *how, int spawned)
{
	int pipes[2], status;
	char byte, numbers[2][20];
	char *words[] = {"robust", (char *)how, numbers[0], numbers[1], NULL};
	pid_t pid;

	EXPECT(pipe(pipes) == 0);
	snprintf(numbers[0], sizeof(numbers[0]), "%d", memory);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", pipes[1]);
	if (spawned) {
		EXPECT(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, words, environ) == 0);
	} else if (!(pid = fork())) {
		die(how, pipes[1]);
	}
	EXPECT(read(pipes[0], &byte, 1) == 1);
	if (strcmp(how, "kill") == 0)
		EXPECT(kill(pid, SIGKILL) == 0);
	for (int i = 0; i < 3; i++) {
		int result = pthread_mutex_lock(&shared->mutexes[i]);
		printf("%s%s, mutex %d: %s\n", how, spawned ? ", spawned" : "", i, result ? strerrorname_np(result) : "0");
		if (result)
			EXPECT(pthread_mutex_consistent(&shared->mutexes[i]) == 0);
		EXPECT(pthread_mutex_unlock(&shared->mutexes[i]) == 0);
	}
	kill(pid, SIGKILL);
	EXPECT(waitpid(pid, &status, 0) == pid);
	close(pipes[0]);
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	static const char *const ways[] = {"exit", "kill", "exec"};
	pthread_mutexattr_t attributes;

	if (argc == 4) {
		if (strcmp(argv[1], "linger") == 0)
			return pause();
		memory = atoi(argv[2]);
		shared = map();
		die(argv[1], atoi(argv[3]));
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	memory = memfd_create("mutexes", 0);
	EXPECT(memory >= 0 && ftruncate(memory, sizeof(struct shared)) == 0);
	shared = map();
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < 3; i++)
		EXPECT(pthread_mutex_init(&shared->mutexes[i], &attributes) == 0);
	for (int spawned = 0; spawned < 2; spawned++)
		for (int i = 0; i < 3; i++)
			check(ways[i], spawned);
	return 0;
}

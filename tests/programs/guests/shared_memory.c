/* SPDX-License-Identifier: MIT */
/* shared_memory - memory shared without a file's name: anonymous, memfd with seals, POSIX and System V, across fork and spawn. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, SIZE = 64 * PAGE };

extern char **environ;
static char *self;

/* Start `self` with two arguments, and expect it to succeed. */
static void start(char *what, int number)
{
	char text[20], *argv[] = {self, what, text, NULL};
	int status;
	pid_t pid;

	snprintf(text, sizeof(text), "%d", number);
	EXPECT(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

static int *map_shared(int fd, int flags)
{
	int *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static void check_anonymous(void)
{
	int *at = map_shared(-1, MAP_SHARED | MAP_ANONYMOUS), *again, status;
	pid_t pid;

	at[0] = 1;
	pid = fork();
	if (pid == 0) {
		EXPECT(at[0] == 1);
		at[SIZE / 4 - 1] = 2;
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(at[SIZE / 4 - 1] == 2);
	/* old size 0: a second view of the same pages. */
	again = mremap(at, 0, SIZE, MREMAP_MAYMOVE);
	EXPECT(again != MAP_FAILED && again != at && again[0] == 1);
	again[5] = 6;
	EXPECT(at[5] == 6);
	EXPECT(munmap(at, SIZE) == 0 && again[5] == 6 && munmap(again, SIZE) == 0);
	puts("anonymous");
}

static void check_memfd(void)
{
	int fd = memfd_create("shared", MFD_ALLOW_SEALING), *at;

	EXPECT(fd >= 0 && ftruncate(fd, SIZE) == 0);
	at = map_shared(fd, MAP_SHARED);
	at[0] = 11;
	start("memfd", fd);
	EXPECT(at[1] == 12);
	EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
	EXPECT(munmap(at, SIZE) == 0);
	EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
	EXPECT(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	at = map_shared(fd, MAP_PRIVATE);
	EXPECT(at[1] == 12 && munmap(at, SIZE) == 0 && close(fd) == 0);
	puts("memfd");
}

static void check_posix(void)
{
	char name[50];
	int fd, *at;

	snprintf(name, sizeof(name), "/tulou-test-%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	EXPECT(fd >= 0 && ftruncate(fd, SIZE) == 0);
	at = map_shared(fd, MAP_SHARED);
	at[0] = 11;
	start("posix", getpid());
	EXPECT(at[1] == 12);
	EXPECT(shm_unlink(name) == 0 && munmap(at, SIZE) == 0 && close(fd) == 0);
	puts("posix");
}

static void check_sysv(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600), *at, *read_only;
	struct shmid_ds state;

	EXPECT(id >= 0);
	at = shmat(id, NULL, 0);
	EXPECT(at != (void *)-1 && at[0] == 0);
	at[0] = 11;
	start("sysv", id);
	EXPECT(at[1] == 12);
	read_only = shmat(id, NULL, SHM_RDONLY);
	EXPECT(read_only != (void *)-1 && read_only != at && read_only[1] == 12);
	EXPECT(shmctl(id, IPC_STAT, &state) == 0 && state.shm_nattch == 2 && state.shm_segsz == SIZE);
	EXPECT(shmdt(read_only) == 0 && shmctl(id, IPC_STAT, &state) == 0 && state.shm_nattch == 1);
	EXPECT(shmdt(read_only) == -1 && errno == EINVAL);
	EXPECT(shmctl(id, IPC_RMID, NULL) == 0);
	EXPECT(at[1] == 12 && shmdt(at) == 0);
	EXPECT(shmat(id, NULL, 0) == (void *)-1 && errno == EINVAL);
	puts("System V");
}

static int other(const char *what, int number)
{
	char name[50];
	int *at, fd = number;

	if (strcmp(what, "sysv") == 0) {
		at = shmat(number, NULL, 0);
		EXPECT(at != (void *)-1);
	} else {
		if (strcmp(what, "posix") == 0) {
			snprintf(name, sizeof(name), "/tulou-test-%d", number);
			fd = shm_open(name, O_RDWR, 0);
		}
		at = map_shared(fd, MAP_SHARED);
	}
	EXPECT(at[0] == 11 && at[SIZE / 4 - 1] == 0);
	at[1] = 12;
	return 0; /* the exit detaches */
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return other(argv[1], atoi(argv[2]));
	EXPECT(argc == 2);
	self = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	check_anonymous();
	check_memfd();
	check_posix();
	check_sysv();
	return 0;
}

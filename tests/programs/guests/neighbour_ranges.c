/* SPDX-License-Identifier: MIT */
/* neighbour_ranges - a child that was spawned names its parent's memory in calls: as if nothing were there, and nothing happens to it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, PAGES = 8 };
#define WHERE ((char *)0x123400000000)
#define SIZE  ((size_t)PAGES * PAGE)

extern char **environ;

#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static void show_answer(const char *call, long answer)
{
	printf("%s: %ld %s\n", call, answer, answer == -1 ? strerrorname_np(errno) : "");
}

static void try_faults(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.range = {(uintptr_t)WHERE, SIZE}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	if (fd < 0)
		return;
	SHOW(ioctl(fd, UFFDIO_API, &api));
	SHOW(ioctl(fd, UFFDIO_REGISTER, &area));
	SHOW(ioctl(fd, UFFDIO_UNREGISTER, &area.range));
	close(fd);
}

static void try_policies(void)
{
	unsigned long node_0 = 1;
	void *pages[] = {WHERE, WHERE + PAGE};
	int status[2] = {0, 0}, nodes[2] = {0, 0}, mode;

	SHOW(syscall(SYS_mbind, WHERE, SIZE, MPOL_BIND, &node_0, 64, 0));
	SHOW(syscall(SYS_mbind, WHERE, SIZE, MPOL_DEFAULT, NULL, 0, 0));
	SHOW(syscall(SYS_set_mempolicy_home_node, WHERE, SIZE, 0, 0));
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, WHERE, MPOL_F_ADDR));
	SHOW(syscall(SYS_move_pages, 0, 2, pages, nodes, status, MPOL_MF_MOVE));
	printf("%d %d\n", status[0], status[1]);
}

static int child(void)
{
	unsigned char vector[PAGES];
	char line[400];
	FILE *file = fopen("/proc/self/maps", "r");
	void *at;

	SHOW(mprotect(WHERE, SIZE, PROT_READ));
	SHOW(pkey_mprotect(WHERE, SIZE, PROT_READ, -1));
	SHOW(madvise(WHERE, SIZE, MADV_DONTNEED));
	SHOW(madvise(WHERE, SIZE, MADV_DONTFORK));
	SHOW(msync(WHERE, SIZE, MS_SYNC));
	SHOW(mincore(WHERE, SIZE, vector));
	SHOW(mlock(WHERE, SIZE));
	SHOW(munlock(WHERE, SIZE));
	SHOW(syscall(462, WHERE, SIZE, 0) == -1 && (errno == ENOMEM || errno == ENOSYS)); /* mseal */
	SHOW(mremap(WHERE, SIZE, SIZE / 2, 0) == MAP_FAILED);
	SHOW(mremap(WHERE, SIZE, 2 * SIZE, MREMAP_MAYMOVE) == MAP_FAILED);
	SHOW(munmap(WHERE, SIZE));
	SHOW(shmdt(WHERE));
	SHOW(prctl(0x53564d41, 0, WHERE, SIZE, "name") == -1);
	try_policies();
	try_faults();
	while (fgets(line, sizeof(line), file))
		EXPECT(strncmp(line, "1234", 4) != 0);
	fclose(file);
	at = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SHOW((uintptr_t)at < (uintptr_t)WHERE + SIZE && (uintptr_t)at + SIZE > (uintptr_t)WHERE);
	return 0;
}

int main(int argc, char **argv)
{
	char *words[] = {argv[0], "child", NULL};
	int status, file;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2)
		return child();
	EXPECT(mmap(WHERE, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == WHERE);
	memset(WHERE, 3, SIZE);
	EXPECT(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, words, environ) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	for (size_t i = 0; i < SIZE; i += PAGE / 2)
		EXPECT(WHERE[i] == 3);
	memset(WHERE, 4, SIZE);
	/* not even its flags were changed: a fork still has it */
	file = fork();
	if (!file)
		_exit(WHERE[0] != 4);
	EXPECT(waitpid(file, &status, 0) == file && status == 0);
	puts("the parent's memory is as it was");
	return 0;
}

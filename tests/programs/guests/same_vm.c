/* SPDX-License-Identifier: MIT */
/*
 * same_vm - do two processes share one address space? The kernel's answer: kcmp(2).
 *
 *     same_vm hold FIFO       write the own pid into FIFO, wait until the other side closes it
 *     same_vm compare FIFO    read a pid, print "same" or "different"
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include "expect.h"

static int hold(const char *fifo)
{
	char text[20];
	int size = snprintf(text, sizeof(text), "%d\n", (int)getpid()), fd = open(fifo, O_WRONLY), back;

	EXPECT(fd >= 0 && write(fd, text, (size_t)size) == size);
	EXPECT(close(fd) == 0);
	/* Opening for reading lasts until the other side opens for writing, which it does when it has compared. */
	back = open(fifo, O_RDONLY);
	EXPECT(back >= 0 && close(back) == 0);
	return 0;
}

static int compare(const char *fifo)
{
	char text[20] = "";
	int fd = open(fifo, O_RDONLY);
	long same;

	EXPECT(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && close(fd) == 0);
	same = syscall(SYS_kcmp, (long)getpid(), (long)atoi(text), (long)KCMP_VM, 0L, 0L);
	EXPECT(same >= 0);
	puts(same == 0 ? "same" : "different");
	fd = open(fifo, O_WRONLY);
	EXPECT(fd >= 0 && close(fd) == 0);
	return 0;
}

int main(int argc, char **argv)
{
	EXPECT(argc == 3);
	return strcmp(argv[1], "hold") == 0 ? hold(argv[2]) : compare(argv[2]);
}

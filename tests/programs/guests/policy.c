/* SPDX-License-Identifier: MIT */
/* policy - mbind, get_mempolicy, set_mempolicy, set_mempolicy_home_node, move_pages, migrate_pages over own memory and holes. */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "expect.h"

enum { PAGE = 4096, PAGES = 16, BITS = 64, MANY = 200 };

#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static void show_answer(const char *call, long answer)
{
	printf("%s: %ld %s\n", call, answer, answer == -1 ? strerrorname_np(errno) : "");
}

static unsigned long node_0 = 1, node_1 = 2;
static char *at;

static void check_ranges(void)
{
	SHOW(syscall(SYS_mbind, at, 4 * PAGE, MPOL_BIND, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 4 * PAGE, MPOL_BIND, &node_0, BITS, MPOL_MF_STRICT | MPOL_MF_MOVE));
	SHOW(syscall(SYS_mbind, at + 1, 4 * PAGE, MPOL_BIND, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 0, MPOL_BIND, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 4 * PAGE, 77, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 4 * PAGE, MPOL_BIND, &node_0, BITS, 0x8000));
	SHOW(syscall(SYS_mbind, at, 4 * PAGE, MPOL_BIND, &node_1, BITS, 0));
	SHOW(syscall(SYS_mbind, at, -PAGE, MPOL_BIND, &node_0, BITS, 0));
	EXPECT(munmap(at + 5 * PAGE, PAGE) == 0);
	SHOW(syscall(SYS_mbind, at, 8 * PAGE, MPOL_INTERLEAVE, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 8 * PAGE, MPOL_DEFAULT, NULL, 0, 0));
	SHOW(syscall(SYS_mbind, (void *)(1l << 20), PAGE, MPOL_BIND, &node_0, BITS, 0));
	SHOW(syscall(SYS_mbind, at, 2 * PAGE, MPOL_BIND, &node_0, BITS, 0));
	SHOW(syscall(SYS_set_mempolicy_home_node, at, 2 * PAGE, 0, 0));
	SHOW(syscall(SYS_set_mempolicy_home_node, at, 2 * PAGE, 0, 1));
	SHOW(syscall(SYS_set_mempolicy_home_node, at, 2 * PAGE, 500, 0));
	SHOW(syscall(SYS_set_mempolicy_home_node, at + 1, 2 * PAGE, 0, 0));
}

static void check_asking(void)
{
	unsigned long mask = 0;
	int mode = -1;

	SHOW(syscall(SYS_get_mempolicy, &mode, &mask, BITS, at, MPOL_F_ADDR));
	SHOW(mode);
	SHOW(mask);
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at + 8 * PAGE, MPOL_F_ADDR));
	SHOW(mode);
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at + 5 * PAGE, MPOL_F_ADDR));
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, MPOL_F_ADDR | MPOL_F_NODE));
	SHOW(mode);
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, at, 0));
	SHOW(syscall(SYS_set_mempolicy, MPOL_PREFERRED, &node_0, BITS));
	SHOW(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0));
	SHOW(mode);
	SHOW(syscall(SYS_get_mempolicy, NULL, &mask, BITS, NULL, MPOL_F_MEMS_ALLOWED));
	SHOW(mask);
}

static void check_moving(void)
{
	void *pages[MANY];
	int nodes[MANY], status[MANY], present = 0, absent = 0;

	for (int i = 0; i < MANY; i++) {
		pages[i] = i == 1 ? (void *)(1l << 20) : i == 2 ? at + 5 * PAGE : i % 2 ? at : at + 6 * PAGE + i;
		nodes[i] = 0;
		status[i] = 99;
	}
	SHOW(syscall(SYS_move_pages, 0, 5, pages, nodes, status, MPOL_MF_MOVE));
	for (int i = 0; i < 6; i++)
		printf("%d ", status[i]);
	SHOW(syscall(SYS_move_pages, getpid(), MANY, pages, NULL, status, 0));
	for (int i = 0; i < MANY; i++) {
		present += status[i] == 0;
		absent += status[i] == -ENOENT;
	}
	printf("%d pages, %d not touched, %d %d\n", present, absent, status[1], status[2]);
	SHOW(syscall(SYS_move_pages, 0, 0, pages, NULL, status, 0));
	SHOW(syscall(SYS_move_pages, 0, 5, NULL, NULL, status, 0));
	SHOW(syscall(SYS_move_pages, 0, 5, pages, NULL, NULL, 0));
	SHOW(syscall(SYS_move_pages, 0, 5, pages, NULL, status, 77));
	nodes[3] = 500;
	SHOW(syscall(SYS_move_pages, 0, 5, pages, nodes, status, MPOL_MF_MOVE));
	SHOW(syscall(SYS_move_pages, 1 << 29, 5, pages, NULL, status, 0));
}

int main(int argc, char **argv)
{
	at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(at != MAP_FAILED);
	setvbuf(stdout, NULL, _IOLBF, 0);
	at[0] = 1;
	check_ranges();
	check_asking();
	check_moving();
	if (argc == 1 || strcmp(argv[1], "beside") != 0) /* EPERM beside another guest */
		SHOW(syscall(SYS_migrate_pages, getpid(), BITS, &node_0, &node_0));
	SHOW(syscall(SYS_migrate_pages, 1 << 29, BITS, &node_0, &node_0));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * without_seccomp - run a command as on a kernel without seccomp filters.
 *
 *     without_seccomp ENOSYS|EINVAL COMMAND ARGS…
 *
 * seccomp(2) and prctl(PR_SET_SECCOMP) answer the error that is named: ENOSYS from a kernel without CONFIG_SECCOMP, EINVAL from one
 * without CONFIG_SECCOMP_FILTER (and from container profiles that forbid nesting).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned error = argc > 2 && strcmp(argv[1], "EINVAL") == 0 ? EINVAL : ENOSYS;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (argc < 3) {
		fprintf(stderr, "usage: without_seccomp ENOSYS|EINVAL COMMAND ARGS...\n");
		return 77;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("without_seccomp: cannot simulate it here");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 77;
}

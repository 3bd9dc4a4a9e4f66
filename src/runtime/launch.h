/* SPDX-License-Identifier: MIT */
/*
 * launch.h - the first programs of an instance.
 */
#ifndef TULOU_RUNTIME_LAUNCH_H
#define TULOU_RUNTIME_LAUNCH_H

#include "runtime/elf/program.h"
#include "runtime/process/process.h"

struct launch {
	struct program *program;
	struct strings argv, envp;
	struct thread *thread; /* the leader's block, its process slot with it; NULL: a real execve is needed */
	struct program_start start;
};

/* Find the program as execvp(3) would (PATH of `envp`, when `name` has no slash) and check it. 0 or a negative errno, with the
 * reason in program_why(launch->program). */
long launch_open(struct launch *launch, const char *name, char *const *argv, unsigned argc, char *const *envp);
/* Load it into a process VM of its own. 0, -EEXIST (its fixed address is taken), or another negative errno. */
long launch_load(struct launch *launch);
/* Start it as a child of the calling task, which has `launch` from then on. The pid, or a negative errno: then it stays the
 * caller's. */
long launch_start(struct launch *launch);
/* Start it as a child that leaves this address space: into a fresh instance, or, for a program that only the kernel can start,
 * natively. The pid, or a negative errno. */
long launch_elsewhere(struct launch *launch);
/* Become it: the calling task goes on as the guest. */
_Noreturn void launch_become(struct launch *launch);
void launch_fini(struct launch *launch);

#endif

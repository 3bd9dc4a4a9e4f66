/* SPDX-License-Identifier: MIT */
/* crash.h - what the deaths (crash.c) and the forks (forks.c) have in common: what must hold, and copies of the world. */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

#include <sys/types.h>

#include "shapes.h"
#include "step.h"

/* Something is not right: say so, count it, and end this copy of the world. */
__attribute__((noreturn)) void wrong(const char *what);
/* The books are whole. */
void check(const char *when);
/* Books and host agree on how much is mapped. */
void agree(const char *when);
/* Wait for a copy. One that was killed is something wrong. */
void await(pid_t pid, const char *what);

/* forks.c: between two instructions of A's call, in a copy of the world, `forker` (B, or the sibling of A) begins to fork. It and A take turns
 * wherever one waits for the other. */
void forks_begin(enum task forker);
/* A's call has ended. True, once: a fork was begun in this copy; it has ended too, and all of it was right. */
bool forks_end(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * instance.h - a fresh instance by a real execve of ourselves: `tulou .exec OPTIONS PATH NAME COMM ARGV…`. It keeps the pid: the first
 * guest runs in the very task, and a supervisor is started when there is a second one.
 */
#ifndef TULOU_RUNTIME_INSTANCE_H
#define TULOU_RUNTIME_INSTANCE_H

#define INSTANCE_COMMAND ".exec"
#include <stdbool.h>

enum { INSTANCE_OPTIONS_SIZE = 96 };

struct thread;

/* The options of this instance, and what of the caller (NULL: a program that has not begun) goes over to the next one, as one word:
 * - and letters with numbers. `filters`: a descriptor of its seccomp filters (filters_put_aside). */
void instance_options(char out[INSTANCE_OPTIONS_SIZE], const struct thread *thread, int filters);
/* The file to execute; can it be? Not where /proc is not mounted. */
const char *instance_executable(void);
bool instance_can_start(void);
/* What stands before the program's own words in the argv of an instance: `options` must stay. */
struct program;
enum { INSTANCE_PREFIX = 6 };
void instance_prefix(const char *prefix[INSTANCE_PREFIX], const char *options, const struct program *program);
/* argv or envp as execve(2) wants it: `count` strings of `prefix`, those of `strings`, NULL. In memory of its own, which goes with the
 * exec; NULL: no memory. */
struct strings;
const char **strings_pointers(const struct strings *strings, const char *const *prefix, unsigned count);
/* `tulou .exec`: run the program in the calling task. argv as the kernel gave it. */
_Noreturn void instance_main(int argc, char **argv, char **envp);

#endif

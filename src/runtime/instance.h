/* SPDX-License-Identifier: MIT */
/*
 * instance.h - a fresh instance by a real execve of ourselves: `tulou .exec OPTIONS PATH ARGV…`. It keeps the pid: the first
 * guest runs in the very task, and a supervisor is started when there is a second one.
 */
#ifndef TULOU_RUNTIME_INSTANCE_H
#define TULOU_RUNTIME_INSTANCE_H

#define INSTANCE_COMMAND ".exec"
enum { INSTANCE_OPTIONS_SIZE = 8 };

/* The options of this instance as one word, for the next: - then v, s, and the check level. */
void instance_options(char *out);
/* The file to execute. */
const char *instance_executable(void);
/* argv or envp as execve(2) wants it: `count` strings of `prefix`, those of `strings`, NULL. In memory of its own, which goes with the
 * exec; NULL: no memory. */
struct strings;
const char **strings_pointers(const struct strings *strings, const char *const *prefix, unsigned count);
/* `tulou .exec`: run the program in the calling task. argv as the kernel gave it. */
_Noreturn void instance_main(int argc, char **argv, char **envp);

#endif

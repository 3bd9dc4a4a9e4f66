/* SPDX-License-Identifier: MIT */
/* step.h - run a function instruction by instruction (the processor's trap flag). */
#ifndef TESTS_CRASH_STEP_H
#define TESTS_CRASH_STEP_H

#include <stdbool.h>
#include <stdint.h>

/* Called between two instructions; false: run the rest without looking. */
typedef bool (*step_visit)(uintptr_t instruction);

/* Run `function(arg)`, with `visit` before each instruction. */
void step_run(void (*function)(void *arg), void *arg, step_visit visit);
/* No visits until step_on(); nothing if none were made. For what happens at once or not at all. */
bool step_off(void);
void step_on(bool was_on);

#endif

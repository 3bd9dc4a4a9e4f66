/* SPDX-License-Identifier: MIT */
/* load_fixture.h - a pool of real pages in the test's own address space, and one program loaded into it. */
#ifndef TULOU_TESTS_ELF_LOAD_FIXTURE_H
#define TULOU_TESTS_ELF_LOAD_FIXTURE_H

#include "runtime/elf/program.h"

struct load {
	struct tulou_process_vm *vm;
	struct strings argv, envp;
	struct program_start start;
};

extern struct tulou *pool;
extern struct program *program;
extern const unsigned long *host_auxv; /* the test's own */

/* Once per test program, with cmocka's signatures: makes a directory, goes there, and undoes it. */
int load_fixture_setup(void **state);
int load_fixture_teardown(void **state);

/* Opens and loads; the result of program_load(). The caller ends it with load_fini() in any case. Vectors end with NULL. */
long load_program(struct load *l, const char *path, const char *const *argv, const char *const *envp, size_t stack_size);
void load_fini(struct load *l);

#endif

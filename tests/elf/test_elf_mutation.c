/* SPDX-License-Identifier: MIT */
/*
 * test_elf_mutation.c - many samples damaged at random, the same in each run: through the parsers, against the kernel's errno, and
 * through the loader. A failure names the mutant by its number; sample_mutate() makes it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "elf/kernel_exec.h"
#include "elf/load_fixture.h"
#include "elf/mutate.h"
#include "elf/parse_input.h"
#include "tulou/inspect.h"

enum { PARSED = 60000, EXECUTED = 400, LOADED = 800 };

static void test_parsers(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	unsigned accepted_count = 0;
	(void)state;
	for (unsigned i = 0; i < PARSED; i++) {
		struct sample s;
		int accepted;
		sample_mutate(&s, &random);
		const char *broken = parse_input(s.bytes, s.size, &accepted);
		if (broken)
			fail_msg("mutant %u: %s", i, broken);
		accepted_count += (unsigned)accepted;
	}
	/* Damage that is always seen, or never, would test nothing. */
	assert_in_range(accepted_count, PARSED / 20, PARSED - PARSED / 20);
}

static void test_script_lines(void **state)
{
	static const char alphabet[] = "#!/ \t\n\0ab-";
	uint64_t random = 88172645463325252;
	(void)state;
	for (unsigned i = 0; i < PARSED; i++) {
		uint8_t line[300] = "#!";
		size_t size = random_next(&random) % sizeof(line);
		unsigned letters = 1 + (unsigned)(random_next(&random) % (sizeof(alphabet) - 1));
		int accepted;
		for (size_t at = 2; at < size; at++)
			line[at] = (uint8_t)alphabet[random_next(&random) % letters];
		const char *broken = parse_input(line, size, &accepted);
		if (broken)
			fail_msg("line %u: %s", i, broken);
	}
}

static long opened(struct load *l)
{
	strings_init(&l->argv);
	strings_init(&l->envp);
	assert_int_equal(strings_append(&l->argv, "zero"), 0);
	return program_open(program, AT_FDCWD, "program", 0, &l->argv);
}

/* Where execve fails, it fails alike. (Whether the process is killed later may depend on how much memory there is.) */
static void test_errno_of_kernel(void **state)
{
	uint64_t random = 2463534242;
	unsigned errors = 0;
	(void)state;
	for (unsigned i = 0; i < EXECUTED; i++) {
		struct sample s;
		struct load l;
		sample_mutate(&s, &random);
		sample_write(&s, "program", 0755);
		long kernel = kernel_exec(AT_FDCWD, "program", 0), ours = opened(&l);
		program_close(program);
		strings_fini(&l.argv);
		if (!program->native && (ours != 0 || kernel < 0) && kernel != ours)
			fail_msg("mutant %u: kernel %ld, loader %ld (%s)", i, kernel, ours, program_why(program));
		errors += ours != 0;
	}
	assert_in_range(errors, EXECUTED / 20, EXECUTED - EXECUTED / 20);
}

/* Whatever the file says, the books are right afterwards and nothing remains. */
static void test_loader(void **state)
{
	uint64_t random = 123456789;
	unsigned loaded = 0;
	(void)state;
	for (unsigned i = 0; i < LOADED; i++) {
		struct sample s;
		struct load l;
		sample_mutate(&s, &random);
		sample_write(&s, "program", 0755);
		assert_int_equal(tulou_process_vm_create(pool, 7, &l.vm), 0);
		if (opened(&l) == 0 && !program->native)
			loaded += program_load(program, l.vm, &l.argv, &l.envp, host_auxv, 1ul << 20, &l.start) == 0;
		program_close(program);
		load_fini(&l);
	}
	assert_in_range(loaded, LOADED / 20, LOADED - LOADED / 20);
}

static int setup(void **state)
{
	struct sample s;
	if (load_fixture_setup(state) != 0)
		return -1;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "interp", 0755);
	return 0;
}

static int teardown(void **state)
{
	unlink("program");
	unlink("interp");
	return load_fixture_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsers),
		cmocka_unit_test(test_script_lines),
		cmocka_unit_test(test_errno_of_kernel),
		cmocka_unit_test(test_loader),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

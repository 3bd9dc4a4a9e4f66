/* SPDX-License-Identifier: MIT */
/* test_script.c - "#!" lines: the parser against a table, the rewritten argv against what the kernel hands to a real program. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "elf/kernel_exec.h"
#include "elf/sample.h"
#include "runtime/elf/program.h"

static struct program *program;

static void parse_expect(const char *line, const char *interp, const char *arg)
{
	struct script script;
	long error = script_parse(line, strlen(line), &script);
	if (!interp) {
		assert_int_equal(error, -ENOEXEC);
		return;
	}
	assert_int_equal(error, 0);
	assert_string_equal(script.interp, interp);
	if (arg)
		assert_string_equal(script.arg, arg);
	else
		assert_null(script.arg);
}

static void test_parse(void **state)
{
	(void)state;
	parse_expect("#!/bin/sh\n", "/bin/sh", NULL);
	parse_expect("#! \t /bin/sh\n", "/bin/sh", NULL);
	parse_expect("#!/bin/sh -e\n", "/bin/sh", "-e");
	parse_expect("#!/bin/sh \t -e -u \t \n", "/bin/sh", "-e -u");
	parse_expect("#!/bin/sh", "/bin/sh", NULL);
	parse_expect("#!/bin/sh -e", "/bin/sh", "-e");
	parse_expect("#!sh\r\n", "sh\r", NULL);
	parse_expect("#!", "", NULL);
	parse_expect("#!\n", NULL, NULL);
	parse_expect("#! \t \n/bin/sh\n", NULL, NULL);
	parse_expect("#", NULL, NULL);
	parse_expect("", NULL, NULL);
	parse_expect("!#/bin/sh\n", NULL, NULL);
}

/* Lines as long as the kernel's buffer, and one more or less. */
static void test_parse_cut(void **state)
{
	char line[400];
	struct script script;
	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!/", 3);
	assert_int_equal(script_parse(line, sizeof(line), &script), -ENOEXEC); /* a cut path would be another path */
	line[255] = '\n';
	assert_int_equal(script_parse(line, sizeof(line), &script), 0);
	assert_int_equal(strlen(script.interp), 253);
	line[255] = 'x', line[256] = '\n';
	assert_int_equal(script_parse(line, sizeof(line), &script), -ENOEXEC);
	line[255] = ' ';
	assert_int_equal(script_parse(line, sizeof(line), &script), 0);
	assert_int_equal(strlen(script.interp), 253);
	assert_null(script.arg);
	line[9] = ' '; /* an argument may be cut */
	assert_int_equal(script_parse(line, sizeof(line), &script), 0);
	assert_string_equal(script.interp, "/xxxxxx");
	assert_int_equal(strlen(script.arg), 245);
	memset(line + 2, ' ', sizeof(line) - 2);
	assert_int_equal(script_parse(line, sizeof(line), &script), -ENOEXEC);
}

/* ---- argv, as the kernel makes it ---------------------------------------------------------------------------------------- */

/* What `show` prints when the kernel starts `path`. */
static size_t kernel_argv(const char *path, const char *const *argv, char *out, size_t capacity)
{
	int pipes[2];
	size_t size = 0;
	ssize_t got;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		execve(path, (char *const *)argv, (char *const[]){NULL});
		_exit(99);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], out + size, capacity - size)) > 0)
		size += (size_t)got;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return size;
}

/* `show` prints the strings of its argv, whatever the script says. */
static void test_argv(void **state)
{
	static const struct {
		const char *name, *text;
	} scripts[] = {
		{"plain", "#!./show\n"}, {"with-arg", "#! ./show  one two \n"}, {"unterminated", "#!./show -x"},
		{"second", "#!./with-arg -y\n"}, {"third", "#!./second\n"}, {"fourth", "#!./third z\n"},
		{"fifth", "#!./fourth\n"}, {"blank-end", "#!./show "}, /* Linux sees an empty argument */
	};
	static const char *const argv[] = {"zeroth", "first argument", "", "last", NULL};
	(void)state;
	for (unsigned i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		char expected[2000];
		struct strings args;
		file_write(scripts[i].name, scripts[i].text, strlen(scripts[i].text), 0755);
		size_t size = kernel_argv(scripts[i].name, argv, expected, sizeof(expected));
		assert_true(size > 0);
		strings_init(&args);
		for (const char *const *arg = argv; *arg; arg++)
			assert_int_equal(strings_append(&args, *arg), 0);
		assert_int_equal(program_open(program, AT_FDCWD, scripts[i].name, 0, &args), 0);
		assert_true(program->is_script);
		assert_string_equal(program->execfn, scripts[i].name);
		assert_string_equal(program->comm, scripts[i].name);
		program_close(program);
		assert_int_equal(args.size, size);
		assert_memory_equal(args.bytes, expected, size);
		strings_fini(&args);
	}
}

static void test_no_argv(void **state)
{
	struct strings args;
	(void)state;
	strings_init(&args);
	assert_int_equal(program_open(program, AT_FDCWD, "./show", 0, &args), 0);
	program_close(program);
	assert_int_equal(args.count, 1);
	assert_string_equal(strings_first(&args), "");
	strings_fini(&args);
}

/* ---- errors, as the kernel sees them ------------------------------------------------------------------------------------- */

static void same_as_kernel(const char *name)
{
	struct strings args;
	strings_init(&args);
	assert_int_equal(strings_append(&args, "zero"), 0);
	long kernel = kernel_exec(AT_FDCWD, name, 0), ours = program_open(program, AT_FDCWD, name, 0, &args);
	program_close(program);
	if (kernel != ours)
		fail_msg("%s: kernel %ld, loader %ld (%s)", name, kernel, ours, program_why(program));
	if (ours) {
		assert_int_equal(args.count, 1); /* a failure leaves argv alone */
		assert_true(program_why(program)[0] != '\0');
	}
	strings_fini(&args);
}

static void test_errors(void **state)
{
	static const char *const texts[] = {
		"#!./show\n",
		"#!",
		"#!\n",
		"#!  ",
		"#! \n",
		"#!absent\n",
		"#!show/below\n",
		"#!.\n",
		"#!not-executable\n",
	};
	(void)state;
	file_write("not-executable", "#!./show\n", 9, 0644);
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file_write("script", texts[i], strlen(texts[i]), 0755);
		same_as_kernel("script");
	}
	file_write("script", "#!./show\0x\n", 11, 0755);
	same_as_kernel("script");
}

/* Five scripts deep works, six do not; and the sixth's own faults come first. */
static void test_depth(void **state)
{
	char name[20], text[40];
	(void)state;
	file_write("deep0", "#!./show\n", 9, 0755);
	for (int i = 1; i < 8; i++) {
		snprintf(name, sizeof(name), "deep%d", i);
		snprintf(text, sizeof(text), "#!./deep%d\n", i - 1);
		file_write(name, text, strlen(text), 0755);
		same_as_kernel(name);
	}
	file_write("deep0", "#!absent\n", 9, 0755);
	same_as_kernel("deep5");
	same_as_kernel("deep6");
	file_write("deep0", "#!\n", 3, 0755);
	same_as_kernel("deep5");
	file_write("deep0", "#!./deep0\n", 10, 0755);
	same_as_kernel("deep0");
}

/* The program that prints its arguments: write(1, argv[0], end of the last string - argv[0]); exit(0). */
static void show_write(void)
{
	static const unsigned char code[] = {
		0x48, 0x8b, 0x74, 0x24, 0x08, /* mov 8(%rsp), %rsi: argv[0] */
		0x48, 0x8b, 0x04, 0x24, /* mov (%rsp), %rax: argc */
		0x48, 0x8b, 0x3c, 0xc4, /* mov (%rsp,%rax,8), %rdi: argv[argc - 1] */
		0x31, 0xc0, /* xor %eax, %eax */
		0x48, 0x83, 0xc9, 0xff, /* or $-1, %rcx */
		0xf2, 0xae, /* repne scasb: behind its NUL */
		0x48, 0x89, 0xfa, /* mov %rdi, %rdx */
		0x48, 0x29, 0xf2, /* sub %rsi, %rdx */
		0xbf, 0x01, 0x00, 0x00, 0x00, /* mov $1, %edi */
		0xb8, 0x01, 0x00, 0x00, 0x00, /* mov $1, %eax: write */
		0x0f, 0x05, /* syscall */
		0x31, 0xff, 0xb8, 0x3c, 0x00, 0x00, 0x00, /* xor %edi, %edi; mov $60, %eax: exit */
		0x0f, 0x05, /* syscall */
	};
	struct sample s;
	sample_make(&s, ET_DYN, NULL);
	memcpy(s.bytes + SAMPLE_CODE, code, sizeof(code));
	sample_write(&s, "show", 0755);
}

static int setup(void **state)
{
	static char directory[] = "test_script.XXXXXX";
	*state = directory;
	if (!mkdtemp(directory) || chdir(directory) != 0)
		return -1;
	show_write();
	program = program_create();
	return program ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {"show", "script", "not-executable", "plain", "with-arg", "unterminated", "second",
		"third", "fourth", "fifth", "blank-end", "deep0", "deep1", "deep2", "deep3", "deep4", "deep5", "deep6", "deep7"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	program_destroy(program);
	return chdir("..") != 0 || rmdir(*state) != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_cut),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_no_argv),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_depth),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

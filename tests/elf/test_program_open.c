/* SPDX-License-Identifier: MIT */
/*
 * test_program_open.c - program_open() against the kernel: each file is given to both, and both must say the same.
 *
 * For each kind of damage the kernel executes the file for real in a child; its errno, its "runs", or its "killed after the
 * point of no return" must be what the loader foresees.
 */
#include <fcntl.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "elf/kernel_exec.h"
#include "elf/sample.h"
#include "runtime/elf/program.h"

static struct program *program;
static struct strings args;

static void args_set(void)
{
	strings_fini(&args);
	assert_int_equal(strings_append(&args, "zero"), 0);
	assert_int_equal(strings_append(&args, "one"), 0);
}

/* What the loader foresees, in kernel_exec()'s words. Leaves nothing open. */
static long foresee(int dirfd, const char *path, int flags)
{
	args_set();
	long error = program_open(program, dirfd, path, flags, &args);
	if (error == 0 && !program->native) {
		assert_true(program->fd >= 0);
		assert_int_equal(program->has_interp, program->interp_fd >= 0);
	} else {
		assert_int_equal(program->fd, -1);
		assert_int_equal(program->interp_fd, -1);
		assert_true(program_why(program)[0] != '\0');
	}
	program_close(program);
	return error ? error : program->fatal ? KERNEL_KILLS : KERNEL_RUNS;
}

static void same_as_kernel(const char *name, int dirfd, const char *path, int flags)
{
	long kernel = kernel_exec(dirfd, path, flags), ours = foresee(dirfd, path, flags);
	if (kernel != ours)
		fail_msg("%s: kernel %ld, loader %ld (%s)", name, kernel, ours, program_why(program));
}

/* ---- damage ------------------------------------------------------------------------------------------------------------- */

#define DAMAGE(name, statement) \
	static void name(struct sample *s, struct elf64_phdr *text, struct elf64_phdr *data) \
	{ \
		(void)s, (void)text, (void)data; \
		statement; \
	}

DAMAGE(nothing, (void)0)
DAMAGE(magic, s->bytes[1] = 'e')
DAMAGE(machine_arm, s->header.e_machine = EM_AARCH64)
DAMAGE(type_rel, s->header.e_type = ET_REL)
DAMAGE(type_core, s->header.e_type = ET_CORE)
DAMAGE(type_none, s->header.e_type = 0)
DAMAGE(version_wrong, s->header.e_version = 77)
DAMAGE(ident_order_wrong, s->header.e_ident[EI_DATA] = ELFDATA2MSB)
DAMAGE(phentsize_32, s->header.e_phentsize = 32)
DAMAGE(phentsize_0, s->header.e_phentsize = 0)
DAMAGE(phnum_0, s->header.e_phnum = 0)
DAMAGE(phnum_most, s->header.e_phnum = 1170)
DAMAGE(phnum_too_many, s->header.e_phnum = 1171)
DAMAGE(phnum_all, s->header.e_phnum = 0xffff)
DAMAGE(phoff_beyond, s->header.e_phoff = 0x100000)
DAMAGE(phoff_negative, s->header.e_phoff = ~0ul)
DAMAGE(phoff_last, s->header.e_phoff = SAMPLE_SIZE - 56 * 4)
DAMAGE(size_0, s->size = 0)
DAMAGE(size_3, s->size = 3)
DAMAGE(size_4, s->size = 4)
DAMAGE(size_63, s->size = 63)
DAMAGE(size_64, s->size = 64)
DAMAGE(size_in_table, s->size = 64 + 56 + 10)
DAMAGE(size_before_code, s->size = 0x3ff)
DAMAGE(size_before_data, s->size = 0x1000)
DAMAGE(text_filesz_over_memsz, text->p_memsz = 0x4ff)
DAMAGE(text_memsz_huge, text->p_memsz = ~0ul)
DAMAGE(text_memsz_task_size, text->p_memsz = ELF_TASK_SIZE)
DAMAGE(text_both_huge, text->p_filesz = text->p_memsz = ~0ul)
DAMAGE(text_filesz_2_63, text->p_filesz = text->p_memsz = 1ul << 63)
DAMAGE(text_vaddr_kernel, text->p_vaddr = 0xffffffff81000000ul)
DAMAGE(text_vaddr_top, text->p_vaddr = ELF_TASK_SIZE - 0x1000)
DAMAGE(text_vaddr_wraps, text->p_vaddr = ~0ul - 0xfff)
DAMAGE(text_offset_odd, text->p_offset = 0x10)
DAMAGE(text_vaddr_odd, text->p_vaddr += 0x10)
DAMAGE(text_both_odd, text->p_offset = text->p_vaddr = 0x10; text->p_vaddr += s->header.e_type == ET_EXEC ? SAMPLE_FIXED : 0)
DAMAGE(text_offset_huge, text->p_offset = 1ul << 62)
DAMAGE(text_offset_negative, text->p_offset = ~0xffful)
DAMAGE(text_offset_beyond, text->p_offset = 0x100000)
DAMAGE(text_align_3, text->p_align = 3)
DAMAGE(text_align_0, text->p_align = 0)
DAMAGE(text_align_2m, text->p_align = 1ul << 21)
DAMAGE(text_gone, text->p_type = PT_NULL)
DAMAGE(text_empty, text->p_filesz = text->p_memsz = 0)
DAMAGE(data_filesz_over_memsz, data->p_memsz = 1)
DAMAGE(data_memsz_huge, data->p_memsz = ~0ul)
DAMAGE(data_vaddr_kernel, data->p_vaddr = 0xffffffffff600000ul)
DAMAGE(data_offset_odd, data->p_offset = 0x1010)
DAMAGE(data_all_bss, data->p_filesz = 0)
DAMAGE(data_read_only, data->p_flags = PF_R)
DAMAGE(data_over_text, data->p_vaddr = text->p_vaddr + 0x1000)
DAMAGE(data_no_access, data->p_flags = 0)
DAMAGE(entry_kernel, s->header.e_entry = 0xffffffff81000000ul)
DAMAGE(entry_0, s->header.e_entry = 0)
DAMAGE(stack_exec, sample_phdr(s, SAMPLE_STACK)->p_flags = PF_R | PF_W | PF_X)
DAMAGE(stack_gone, sample_phdr(s, SAMPLE_STACK)->p_type = PT_NULL)
DAMAGE(interp_size_0, sample_phdr(s, SAMPLE_PT_INTERP)->p_filesz = 0; sample_phdr(s, SAMPLE_PT_INTERP)->p_type = PT_INTERP)
DAMAGE(interp_size_1, sample_phdr(s, SAMPLE_PT_INTERP)->p_filesz = 1; sample_phdr(s, SAMPLE_PT_INTERP)->p_type = PT_INTERP)
DAMAGE(interp_size_4097, sample_phdr(s, SAMPLE_PT_INTERP)->p_filesz = 4097; sample_phdr(s, SAMPLE_PT_INTERP)->p_type = PT_INTERP)
DAMAGE(interp_size_huge, sample_phdr(s, SAMPLE_PT_INTERP)->p_filesz = ~0ul; sample_phdr(s, SAMPLE_PT_INTERP)->p_type = PT_INTERP)

#define ROW(name) \
	{ \
#name, name \
	}
static const struct {
	const char *name;
	void (*apply)(struct sample *s, struct elf64_phdr *text, struct elf64_phdr *data);
} damages[] = {
	ROW(nothing),
	ROW(magic),
	ROW(machine_arm),
	ROW(type_rel),
	ROW(type_core),
	ROW(type_none),
	ROW(version_wrong),
	ROW(ident_order_wrong),
	ROW(phentsize_32),
	ROW(phentsize_0),
	ROW(phnum_0),
	ROW(phnum_most),
	ROW(phnum_too_many),
	ROW(phnum_all),
	ROW(phoff_beyond),
	ROW(phoff_negative),
	ROW(phoff_last),
	ROW(size_0),
	ROW(size_3),
	ROW(size_4),
	ROW(size_63),
	ROW(size_64),
	ROW(size_in_table),
	ROW(size_before_code),
	ROW(size_before_data),
	ROW(text_filesz_over_memsz),
	ROW(text_memsz_huge),
	ROW(text_memsz_task_size),
	ROW(text_both_huge),
	ROW(text_filesz_2_63),
	ROW(text_vaddr_kernel),
	ROW(text_vaddr_top),
	ROW(text_vaddr_wraps),
	ROW(text_offset_odd),
	ROW(text_vaddr_odd),
	ROW(text_both_odd),
	ROW(text_offset_huge),
	ROW(text_offset_negative),
	ROW(text_offset_beyond),
	ROW(text_align_3),
	ROW(text_align_0),
	ROW(text_align_2m),
	ROW(text_gone),
	ROW(text_empty),
	ROW(data_filesz_over_memsz),
	ROW(data_memsz_huge),
	ROW(data_vaddr_kernel),
	ROW(data_offset_odd),
	ROW(data_all_bss),
	ROW(data_read_only),
	ROW(data_over_text),
	ROW(data_no_access),
	ROW(entry_kernel),
	ROW(entry_0),
	ROW(stack_exec),
	ROW(stack_gone),
	ROW(interp_size_0),
	ROW(interp_size_1),
	ROW(interp_size_4097),
	ROW(interp_size_huge),
};

/* Linux enters a program that loads nothing at all, which dies at its first instruction by the same SIGSEGV: the loader may say
 * so before. */
static bool dies_at_once(const char *damage)
{
	return strcmp(damage, "phoff_last") == 0;
}

/* `damaged` is written to `file`, `run` is executed. */
static void damage_all(int type, const char *interp, const char *file, const char *run)
{
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct sample s;
		sample_make(&s, type, interp);
		damages[i].apply(&s, sample_phdr(&s, SAMPLE_TEXT), sample_phdr(&s, SAMPLE_BSS));
		sample_write(&s, file, 0755);
		if (dies_at_once(damages[i].name))
			assert_int_equal(foresee(AT_FDCWD, run, 0), KERNEL_KILLS);
		else
			same_as_kernel(damages[i].name, AT_FDCWD, run, 0);
	}
}

static void test_damaged_fixed(void **state)
{
	(void)state;
	damage_all(ET_EXEC, NULL, "damaged", "damaged");
}

static void test_damaged_static_pie(void **state)
{
	(void)state;
	damage_all(ET_DYN, NULL, "damaged", "damaged");
}

static void test_damaged_dynamic(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "interp", 0755);
	damage_all(ET_DYN, "interp", "damaged", "damaged");
}

static void test_damaged_interpreter(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_DYN, "interp");
	sample_write(&s, "good", 0755);
	damage_all(ET_DYN, NULL, "interp", "good");
}

/* ---- interpreters ------------------------------------------------------------------------------------------------------- */

static void test_interpreter_names(void **state)
{
	static const char *const names[] = {
		"",
		"absent",
		"./interp",
		"directory",
		"not-executable",
		"interp/below",
		"loop",
		"text",
		"fifo",
		"/dev/null",
	};
	struct sample s;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "interp", 0755);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sample_make(&s, ET_DYN, names[i]);
		sample_phdr(&s, SAMPLE_PT_INTERP)->p_filesz = strlen(names[i]) + 2; /* an empty name needs two bytes to be one */
		sample_write(&s, "damaged", 0755);
		same_as_kernel(names[i], AT_FDCWD, "damaged", 0);
	}
	sample_make(&s, ET_DYN, "interp");
	sample_phdr(&s, SAMPLE_PT_INTERP)->p_filesz -= 1; /* no NUL */
	sample_write(&s, "damaged", 0755);
	same_as_kernel("unterminated", AT_FDCWD, "damaged", 0);
	sample_phdr(&s, SAMPLE_PT_INTERP)->p_offset = 0x100000;
	sample_write(&s, "damaged", 0755);
	same_as_kernel("beyond the end", AT_FDCWD, "damaged", 0);
	sample_phdr(&s, SAMPLE_PT_INTERP)->p_offset = ~0ul;
	sample_write(&s, "damaged", 0755);
	same_as_kernel("before the beginning", AT_FDCWD, "damaged", 0);
	sample_make(&s, ET_DYN, "absent");
	*sample_phdr(&s, SAMPLE_STACK) = *sample_phdr(&s, SAMPLE_PT_INTERP);
	sample_write(&s, "damaged", 0755);
	same_as_kernel("two names", AT_FDCWD, "damaged", 0);
}

static void test_both_fixed_at_one_place(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	sample_write(&s, "interp", 0755);
	sample_make(&s, ET_EXEC, "interp");
	sample_write(&s, "damaged", 0755);
	/* Linux maps the one over the other; we have one owner per address. */
	assert_int_equal(foresee(AT_FDCWD, "damaged", 0), KERNEL_KILLS);
	assert_string_equal(program_why(program), "ELF file and interpreter linked at the same address");
}

/* ---- names, descriptors, flags ------------------------------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const char *const names[] = {
		"",
		".",
		"/",
		"absent",
		"absent/below",
		"program/",
		"program/below",
		"directory",
		"directory/../program",
		"not-executable",
		"loop",
		"link",
		"dangling",
		"fifo",
		"/dev/null",
		"/proc/self/maps",
	};
	static const int flags[] = {
		0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x40000000, AT_REMOVEDIR};
	char longest[5000];
	(void)state;
	for (unsigned f = 0; f < sizeof(flags) / sizeof(flags[0]); f++)
		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			same_as_kernel(names[i], AT_FDCWD, names[i], flags[f]);
	memset(longest, 'n', sizeof(longest));
	longest[255] = '\0';
	same_as_kernel("name of 255", AT_FDCWD, longest, 0);
	longest[255] = 'n', longest[256] = '\0';
	same_as_kernel("name of 256", AT_FDCWD, longest, 0);
	longest[256] = 'n', longest[4095] = '\0';
	same_as_kernel("path of 4095", AT_FDCWD, longest, 0);
}

static void test_descriptors(void **state)
{
	(void)state;
	int directory = open(".", O_RDONLY | O_DIRECTORY), path = open("program", O_PATH), file = open("program", O_RDONLY);
	int kept = open("script", O_RDONLY), vanishing = open("script", O_RDONLY | O_CLOEXEC), writer = open("writable", O_RDWR);
	int closing = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(directory >= 0 && path >= 0 && file >= 0 && kept >= 0 && vanishing >= 0 && writer >= 0 && closing >= 0);
	same_as_kernel("below a directory", directory, "program", 0);
	same_as_kernel("below no directory", file, "program", 0);
	same_as_kernel("a directory itself", directory, "", AT_EMPTY_PATH);
	same_as_kernel("a file itself", file, "", AT_EMPTY_PATH);
	same_as_kernel("a file itself without the flag", file, "", 0);
	same_as_kernel("an O_PATH file itself", path, "", AT_EMPTY_PATH);
	same_as_kernel("no descriptor", 999, "program", 0);
	same_as_kernel("no descriptor, itself", 999, "", AT_EMPTY_PATH);
	same_as_kernel("no descriptor, absolute", 999, "/absent", 0);
	same_as_kernel("script itself", kept, "", AT_EMPTY_PATH);
	same_as_kernel("script itself, close-on-exec", vanishing, "", AT_EMPTY_PATH);
	same_as_kernel("script below", directory, "script", 0);
	same_as_kernel("script below close-on-exec", closing, "script", 0);
	same_as_kernel("may be written", writer, "", AT_EMPTY_PATH);

	args_set();
	char expected[40];
	assert_int_equal(program_open(program, directory, "script", 0, &args), 0);
	snprintf(expected, sizeof(expected), "/dev/fd/%d/script", directory);
	assert_string_equal(program->execfn, expected);
	assert_string_equal(program->comm, "script");
	program_close(program);
	args_set();
	assert_int_equal(program_open(program, file, "", AT_EMPTY_PATH, &args), 0);
	snprintf(expected, sizeof(expected), "/dev/fd/%d", file);
	assert_string_equal(program->execfn, expected);
	assert_string_equal(program->comm, "program");
	program_close(program);

	int all[] = {directory, path, file, kept, vanishing, writer, closing};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		close(all[i]);
}

static void test_facts(void **state)
{
	struct stat stat_;
	char cwd[4000], expected[4100];
	(void)state;
	args_set();
	assert_int_equal(program_open(program, AT_FDCWD, "./directory/../link", 0, &args), 0);
	assert_false(program->native || program->fatal || program->has_interp || program->is_script);
	assert_string_equal(program->execfn, "./directory/../link");
	assert_string_equal(program->comm, "link");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/program", cwd);
	assert_string_equal(program->path, expected);
	assert_int_equal(stat("program", &stat_), 0);
	assert_int_equal(program->ino, stat_.st_ino);
	assert_int_equal(program->dev, stat_.st_dev);
	assert_int_equal(program->size, SAMPLE_SIZE);
	assert_int_equal(fcntl(program->fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(program->exe.start, 0);
	assert_int_equal(program->exe.end, 0x6000);
	assert_int_equal(program->exe.phdr_vaddr, 64);
	program_close(program);
	assert_int_equal(program->fd, -1);
}

/* ---- what only the kernel can run ------------------------------------------------------------------------------------------ */

static void test_other_abi_is_native(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	s.header.e_machine = EM_386;
	sample_write(&s, "damaged", 0755);
	assert_int_equal(foresee(AT_FDCWD, "damaged", 0), 0);
	assert_true(program->native);
	assert_string_equal(program->native_why, "32-bit program");
	assert_int_equal(args.count, 2);
}

/* Runs `check` in a child that is nobody in particular; its status. */
static int as_nobody(int (*check)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
			_exit(99);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int native_check(const char *path, const char *why)
{
	long error = program_open(program, AT_FDCWD, path, 0, &args);
	if (error || !program->native || strcmp(program->native_why, why) != 0) {
		fprintf(stderr, "%s: error %ld, native %d, %s\n", path, error, program->native, program_why(program));
		return 1;
	}
	return 0;
}

static int unreadable_check(void)
{
	return native_check("damaged", "executable, but not readable");
}

static int unreadable_interp_check(void)
{
	return native_check("damaged", "interpreter is executable, but not readable");
}

static int forbidden_check(void)
{
	return program_open(program, AT_FDCWD, "damaged", 0, &args) != -EACCES;
}

static int set_uid_check(void)
{
	return native_check("damaged", "set-user-id");
}

static int set_gid_check(void)
{
	return native_check("damaged", "set-group-id");
}

static void test_permissions(void **state)
{
	struct sample s;
	(void)state;
	if (geteuid() != 0)
		skip(); /* files of another user are needed */
	args_set();
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "damaged", 0711);
	assert_int_equal(as_nobody(unreadable_check), 0);
	sample_write(&s, "damaged", 0744);
	assert_int_equal(as_nobody(forbidden_check), 0);
	sample_write(&s, "damaged", 04755);
	assert_int_equal(as_nobody(set_uid_check), 0);
	assert_int_equal(foresee(AT_FDCWD, "damaged", 0), 0);
	assert_false(program->native); /* we are that user already */
	sample_write(&s, "damaged", 02755);
	assert_int_equal(as_nobody(set_gid_check), 0);
	sample_write(&s, "damaged", 02745); /* without group execute the bit means something else */
	assert_int_equal(foresee(AT_FDCWD, "damaged", 0), 0);
	assert_false(program->native);
	sample_write(&s, "interp", 0711);
	sample_make(&s, ET_DYN, "interp");
	sample_write(&s, "damaged", 0755);
	assert_int_equal(as_nobody(unreadable_interp_check), 0);
}

/* ---- the whole system's programs ------------------------------------------------------------------------------------------ */

static void test_real_programs(void **state)
{
	static const char *const names[] = {"/bin/true", "/bin/sh", "/bin/ls", "/usr/bin/env", "/lib64/ld-linux-x86-64.so.2"};
	unsigned seen = 0;
	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (access(names[i], R_OK | X_OK) != 0)
			continue;
		same_as_kernel(names[i], AT_FDCWD, names[i], 0);
		assert_false(program->native);
		seen++;
	}
	assert_true(seen > 0);
}

static int setup(void **state)
{
	static char directory[] = "test_program_open.XXXXXX";
	struct sample s;
	*state = directory;
	if (!mkdtemp(directory) || chmod(directory, 0755) != 0 || chdir(directory) != 0)
		return -1;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	sample_write(&s, "writable", 0755);
	sample_write(&s, "not-executable", 0644);
	file_write("script", "#!program\n", 10, 0755);
	file_write("text", "hello\n", 6, 0755);
	program = program_create();
	strings_init(&args);
	return !program || mkdir("directory", 0755) != 0 || symlink("program", "link") != 0 || symlink("loop", "loop") != 0 ||
	       symlink("absent", "dangling") != 0 || mkfifo("fifo", 0755) != 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"program", "writable", "not-executable", "script", "text", "link", "loop", "dangling",
		"fifo", "damaged", "interp", "good"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	rmdir("directory");
	program_destroy(program);
	strings_fini(&args);
	return chdir("..") != 0 || rmdir(*state) != 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_fixed),
		cmocka_unit_test(test_damaged_static_pie),
		cmocka_unit_test(test_damaged_dynamic),
		cmocka_unit_test(test_damaged_interpreter),
		cmocka_unit_test(test_interpreter_names),
		cmocka_unit_test(test_both_fixed_at_one_place),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_other_abi_is_native),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_real_programs),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

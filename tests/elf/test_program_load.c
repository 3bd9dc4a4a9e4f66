/* SPDX-License-Identifier: MIT */
/*
 * test_program_load.c - programs loaded into a pool of real pages, and compared with what the kernel makes of the same file: the
 * areas with /proc/PID/maps of a task that the kernel has just started, the stack with that task's stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "elf/kernel_exec.h"
#include "elf/load_fixture.h"
#include "elf/sample.h"
#include "runtime/elf/auxv.h"
#include "tulou/inspect.h"

#define STACK_SIZE (8ul << 20)

static const char *const some_argv[] = {"zero", "", "two words", NULL};
static const char *const some_envp[] = {"A=1", "EMPTY=", NULL};
static const char *const nothing[] = {NULL};

/* ---- areas -------------------------------------------------------------------------------------------------------------- */

struct area {
	unsigned long start, end, offset; /* start and end from the first area on */
	int prot;
};

struct areas {
	unsigned long from, to; /* only what lies in here */
	unsigned count;
	struct area list[64];
};

static void areas_add(struct areas *a, unsigned long start, unsigned long end, unsigned long offset, int prot)
{
	if (start < a->from || start >= a->to)
		return;
	assert_true(a->count < 64);
	unsigned long first = a->count ? a->from : (a->from = start);
	a->list[a->count++] = (struct area){start - first, end - first, offset, prot};
}

static int our_area(void *arg, const struct tulou_area_info *area)
{
	bool anonymous = area->flags & TULOU_MAP_ANONYMOUS;
	areas_add(arg, area->start, area->end, anonymous ? 0 : area->offset, area->prot);
	return 0;
}

/* The lines of /proc/PID/maps from the first on, which is the program's, up to a size of `to - from`. */
static void kernel_areas(void *arg, int pid, unsigned long sp)
{
	struct areas *a = arg;
	char name[40], line[5000], perms[5];
	unsigned long start, end, offset, size = a->to - a->from;
	(void)sp;
	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	FILE *maps = fopen(name, "r");
	assert_non_null(maps);
	a->from = 0, a->to = ~0ul;
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%lx-%lx %4s %lx", &start, &end, perms, &offset), 4);
		if (strchr(line, '['))
			continue; /* the kernel's own: stack, vdso … */
		areas_add(a, start, end, offset, (perms[0] == 'r') | (perms[1] == 'w') << 1 | (perms[2] == 'x') << 2);
		if (a->count == 1)
			a->to = start + size;
	}
	fclose(maps);
}

/* The program's own areas must be the kernel's. */
static void same_areas(const char *path)
{
	struct load l;
	assert_int_equal(load_program(&l, path, some_argv, nothing, STACK_SIZE), 0);
	struct areas ours = {.from = l.start.exe_start, .to = l.start.exe_end};
	struct areas kernel = ours;
	assert_int_equal(tulou_walk_process(l.vm, our_area, &ours), 0);
	assert_int_equal(kernel_exec_look(path, some_argv, nothing, kernel_areas, &kernel), KERNEL_RUNS);
	assert_int_equal(ours.count, kernel.count);
	for (unsigned i = 0; i < ours.count; i++) {
		assert_int_equal(ours.list[i].start, kernel.list[i].start);
		assert_int_equal(ours.list[i].end, kernel.list[i].end);
		assert_int_equal(ours.list[i].offset, kernel.list[i].offset);
		assert_int_equal(ours.list[i].prot, kernel.list[i].prot);
	}
	load_fini(&l);
}

static void test_areas(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	sample_write(&s, "program", 0755);
	same_areas("./program");
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	same_areas("./program");
	sample_phdr(&s, SAMPLE_BSS)->p_filesz = 0; /* all bss */
	sample_write(&s, "program", 0755);
	same_areas("./program");
	sample_phdr(&s, SAMPLE_BSS)->p_flags = PF_R | PF_W | PF_X;
	sample_write(&s, "program", 0755);
	same_areas("./program");
	same_areas("/bin/true");
	same_areas("/bin/sh");
}

static void test_contents(void **state)
{
	struct sample s;
	struct load l;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	assert_int_equal(load_program(&l, "./program", some_argv, nothing, STACK_SIZE), 0);
	const unsigned char *text = (const unsigned char *)l.start.exe_base, *data = text + 0x3000;
	assert_memory_equal(text, s.bytes, 0x1000); /* the page's other bytes are the file's */
	assert_memory_equal(data, s.bytes + SAMPLE_DATA, 0x100);
	for (size_t i = 0x100; i < 0x3000; i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(l.start.entry, l.start.exe_base + SAMPLE_CODE);
	assert_int_equal(l.start.exe_entry, l.start.entry);
	assert_int_equal(l.start.phdr, l.start.exe_base + 64);
	assert_int_equal(l.start.interp_base, 0);
	/* Nobody owns the gap between the segments. */
	assert_true(tulou_access_ok(l.vm, (uintptr_t)text, 0x1000, TULOU_PROT_READ | TULOU_PROT_EXEC));
	assert_false(tulou_access_ok(l.vm, (uintptr_t)text, 1, TULOU_PROT_WRITE));
	assert_false(tulou_access_ok(l.vm, (uintptr_t)text + 0x1000, 1, TULOU_PROT_NONE));
	assert_false(tulou_access_ok(l.vm, (uintptr_t)text + 0x2fff, 1, TULOU_PROT_NONE));
	assert_true(tulou_access_ok(l.vm, (uintptr_t)data, 0x3000, TULOU_PROT_READ | TULOU_PROT_WRITE));
	load_fini(&l);
}

/* A data segment that is not writable keeps the file's bytes behind its end: as Linux, which cannot zero them either. */
static void test_read_only_tail(void **state)
{
	struct sample s;
	struct load l;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_phdr(&s, SAMPLE_BSS)->p_flags = PF_R;
	sample_phdr(&s, SAMPLE_BSS)->p_filesz = 0x80;
	sample_write(&s, "program", 0755);
	assert_int_equal(load_program(&l, "./program", some_argv, nothing, STACK_SIZE), 0);
	const unsigned char *data = (const unsigned char *)l.start.exe_base + 0x3000;
	assert_memory_equal(data, s.bytes + SAMPLE_DATA, 0x100);
	load_fini(&l);
	same_areas("./program");
}

static void test_alignment(void **state)
{
	static const unsigned long aligns[] = {0x1000, 0x10000, 0x200000, 0x40000000};
	struct sample s;
	struct load l;
	(void)state;
	for (unsigned i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
		sample_make(&s, ET_DYN, NULL);
		sample_phdr(&s, SAMPLE_TEXT)->p_align = aligns[i];
		sample_phdr(&s, SAMPLE_TEXT)->p_vaddr += 0x7000; /* the bias is aligned, not the first page */
		sample_phdr(&s, SAMPLE_BSS)->p_vaddr += 0x7000;
		s.header.e_entry += 0x7000;
		sample_write(&s, "program", 0755);
		assert_int_equal(load_program(&l, "./program", some_argv, nothing, STACK_SIZE), 0);
		assert_int_equal(l.start.exe_base % aligns[i], 0);
		assert_int_equal(l.start.exe_start, l.start.exe_base + 0x7000);
		assert_memory_equal((const void *)l.start.exe_start, s.bytes, 0x500);
		assert_false(tulou_access_ok(l.vm, l.start.exe_base + 0x6000, 1, TULOU_PROT_NONE));
		load_fini(&l);
	}
}

static void test_fixed(void **state)
{
	struct sample s;
	struct load first, second;
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	sample_write(&s, "program", 0755);
	assert_int_equal(load_program(&first, "./program", some_argv, nothing, STACK_SIZE), 0);
	assert_int_equal(first.start.exe_base, 0);
	assert_int_equal(first.start.entry, SAMPLE_FIXED + SAMPLE_CODE);
	assert_memory_equal((const void *)SAMPLE_FIXED, s.bytes, 0x500);
	/* Its place is taken: nothing of the second remains. */
	assert_int_equal(load_program(&second, "./program", some_argv, nothing, STACK_SIZE), -EEXIST);
	assert_memory_equal((const void *)SAMPLE_FIXED, s.bytes, 0x500);
	tulou_process_vm_unref(second.vm);
	strings_fini(&second.argv);
	strings_fini(&second.envp);
	load_fini(&first);
}

static int stack_prot(void *arg, const struct tulou_area_info *area)
{
	if (area->kind == TULOU_AREA_STACK)
		*(int *)arg = area->prot;
	return 0;
}

static void test_executable_stack(void **state)
{
	static const unsigned flags[] = {PF_R | PF_W, PF_R | PF_W | PF_X};
	struct sample s;
	struct load l;
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int prot = -1;
		sample_make(&s, ET_DYN, NULL);
		sample_phdr(&s, SAMPLE_STACK)->p_flags = flags[i];
		sample_write(&s, "program", 0755);
		assert_int_equal(load_program(&l, "./program", some_argv, nothing, STACK_SIZE), 0);
		tulou_walk_process(l.vm, stack_prot, &prot);
		assert_int_equal(prot, i ? 7 : 3);
		load_fini(&l);
	}
}

/* The file shrinks between the two calls: an error, not a bus error. */
static void test_file_cut_meanwhile(void **state)
{
	struct sample s;
	struct load l;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	strings_init(&l.argv);
	strings_init(&l.envp);
	assert_int_equal(tulou_process_vm_create(pool, 7, &l.vm), 0);
	assert_int_equal(program_open(program, AT_FDCWD, "program", 0, &l.argv), 0);
	assert_int_equal(truncate("program", 0x800), 0);
	assert_int_equal(program_load(program, l.vm, &l.argv, &l.envp, host_auxv, STACK_SIZE, &l.start), -EFAULT);
	program_close(program);
	load_fini(&l);
}

static void test_fatal(void **state)
{
	struct sample s;
	struct load l;
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_phdr(&s, SAMPLE_BSS)->p_memsz = 1;
	sample_write(&s, "program", 0755);
	assert_int_equal(load_program(&l, "./program", some_argv, nothing, STACK_SIZE), -EINVAL);
	assert_true(program->fatal);
	load_fini(&l);
}

/* ---- stacks ------------------------------------------------------------------------------------------------------------- */

enum { WORDS = 200 };

/* A stack as words and what they point to: ours in place, the kernel's copied. */
struct image {
	unsigned long sp;
	unsigned long words[WORDS];
	char texts[WORDS][64]; /* of the words that are pointers to strings */
};

static void image_text(struct image *image, unsigned at, int mem)
{
	assert_true(pread(mem, image->texts[at], sizeof(image->texts[0]) - 1, (off_t)image->words[at]) > 0);
}

/* argc, argv, NULL, envp, NULL, auxv; returns the words used. */
static unsigned image_read(struct image *image, int pid, unsigned long sp)
{
	char name[40];
	unsigned at = 1;
	memset(image, 0, sizeof(*image));
	image->sp = sp;
	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	int mem = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(mem >= 0);
	assert_true(pread(mem, image->words, sizeof(image->words), (off_t)sp) > 0);
	for (int vectors = 0; vectors < 2; at++) {
		if (image->words[at])
			image_text(image, at, mem);
		else
			vectors++;
	}
	for (; image->words[at] != AT_NULL; at += 2)
		if (image->words[at] == AT_EXECFN || image->words[at] == AT_PLATFORM)
			image_text(image, at + 1, mem);
	close(mem);
	return at + 2;
}

static void kernel_image(void *arg, int pid, unsigned long sp)
{
	image_read(arg, pid, sp);
}

/* Values that are addresses, and differ. */
static bool is_address(unsigned long type)
{
	static const unsigned long types[] = {AT_SYSINFO_EHDR, AT_PHDR, AT_BASE, AT_ENTRY, AT_RANDOM, AT_EXECFN, AT_PLATFORM};
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static unsigned long image_value(const struct image *image, unsigned auxv, unsigned long type)
{
	unsigned long value = 0;
	assert_true(auxv_get(&image->words[auxv], type, &value));
	return value;
}

static void same_stack(const char *path, const char *const *argv, const char *const *envp)
{
	struct image ours, kernel;
	struct load l;
	unsigned at = 1;
	assert_int_equal(load_program(&l, path, argv, envp, STACK_SIZE), 0);
	assert_int_equal(kernel_exec_look(path, argv, envp, kernel_image, &kernel), KERNEL_RUNS);
	unsigned words = image_read(&ours, getpid(), l.start.sp);
	assert_int_equal(ours.sp % 16, 0);
	assert_int_equal(ours.words[0], kernel.words[0]);
	for (int vectors = 0; vectors < 2; at++) {
		assert_string_equal(ours.texts[at], kernel.texts[at]);
		assert_int_equal(ours.words[at] == 0, kernel.words[at] == 0);
		vectors += ours.words[at] == 0;
	}
	unsigned auxv = at;
	assert_int_equal(l.start.auxv, l.start.sp + auxv * sizeof(long));
	assert_int_equal(l.start.auxv_size, (words - auxv) * sizeof(long));
	for (; at < words; at += 2) {
		assert_int_equal(ours.words[at], kernel.words[at]);
		if (!is_address(ours.words[at]))
			assert_int_equal(ours.words[at + 1], kernel.words[at + 1]);
		assert_string_equal(ours.texts[at + 1], kernel.texts[at + 1]);
	}
	/* Addresses: right relative to each other. */
	unsigned long moved = image_value(&ours, auxv, AT_ENTRY) - image_value(&kernel, auxv, AT_ENTRY);
	assert_int_equal(image_value(&ours, auxv, AT_PHDR) - image_value(&kernel, auxv, AT_PHDR), moved);
	assert_int_equal(image_value(&ours, auxv, AT_BASE), l.start.interp_base);
	assert_int_equal(image_value(&ours, auxv, AT_BASE) == 0, image_value(&kernel, auxv, AT_BASE) == 0);
	load_fini(&l);
}

static void test_stack(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	sample_write(&s, "program", 0755);
	same_stack("./program", some_argv, some_envp);
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	same_stack("./program", some_argv, some_envp);
	same_stack("./program", nothing, nothing); /* Linux makes one empty argument of none */
	file_write("script", "#!./program -x\n", 15, 0755);
	same_stack("./script", some_argv, some_envp);
	same_stack("/bin/true", some_argv, nothing);
	/* AT_PHDR when no segment holds the table */
	sample_phdr(&s, SAMPLE_TEXT)->p_type = PT_NULL;
	s.header.e_entry = 0x3000;
	sample_write(&s, "program", 0755);
	same_stack("./program", some_argv, some_envp);
}

/* From the top: 8 bytes of zero, execfn, envp, argv, each packed. */
static void test_stack_order(void **state)
{
	struct load l;
	(void)state;
	assert_int_equal(load_program(&l, "/bin/true", some_argv, some_envp, STACK_SIZE), 0);
	assert_int_equal(*(const unsigned long *)(l.start.stack_end - 8), 0);
	assert_int_equal(l.start.execfn, l.start.stack_end - 8 - sizeof("/bin/true"));
	assert_int_equal(l.start.env_end, l.start.execfn);
	assert_int_equal(l.start.env_end - l.start.env_start, sizeof("A=1") + sizeof("EMPTY="));
	assert_int_equal(l.start.arg_end, l.start.env_start);
	assert_memory_equal((const void *)l.start.arg_start, "zero\0\0two words", sizeof("zero\0\0two words"));
	assert_in_range(l.start.stack_end - l.start.stack_start, 128 << 10, 140 << 10);
	load_fini(&l);
}

static void test_random_bytes_differ(void **state)
{
	unsigned char seen[2][16];
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct load l;
		unsigned long at = 0;
		assert_int_equal(load_program(&l, "/bin/true", some_argv, nothing, STACK_SIZE), 0);
		assert_true(auxv_get((const unsigned long *)l.start.auxv, AT_RANDOM, &at));
		memcpy(seen[i], (const void *)at, 16);
		load_fini(&l);
	}
	assert_memory_not_equal(seen[0], seen[1], 16);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

static void test_too_many_strings(void **state)
{
	struct load l;
	(void)state;
	char *large = malloc(STRINGS_ONE_MAX);
	assert_non_null(large);
	memset(large, 'x', STRINGS_ONE_MAX - 1);
	large[STRINGS_ONE_MAX - 1] = '\0';
	const char *const two[] = {large, large, NULL};
	assert_int_equal(load_program(&l, "/bin/true", two, nothing, 2 * STRINGS_ONE_MAX), -E2BIG);
	load_fini(&l);
	assert_int_equal(load_program(&l, "/bin/true", two, nothing, STACK_SIZE), 0);
	load_fini(&l);
	/* 128 KiB are allowed on every stack, but there must be one */
	const char *const one[] = {"x", NULL};
	large[STRINGS_ONE_MAX / 2] = '\0';
	const char *const half[] = {large, NULL};
	assert_int_equal(load_program(&l, "/bin/true", half, one, 4096), -E2BIG);
	load_fini(&l);
	free(large);
}

/* ---- and they run ------------------------------------------------------------------------------------------------------- */

static __attribute__((noreturn)) void enter(const struct program_start *start)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "jmp *%1"
			 :
			 : "r"(start->sp), "a"(start->entry)
			 : "memory", "rdx");
	__builtin_unreachable();
}

/* Loads and enters a program in a child; its output and its status. */
static int run(const char *path, const char *const *argv, char *out, size_t capacity)
{
	int pipes[2], status;
	size_t size = 0;
	ssize_t got;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct load l;
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		if (load_program(&l, path, argv, some_envp, STACK_SIZE) != 0)
			_exit(99);
		enter(&l.start);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], out + size, capacity - 1 - size)) > 0)
		size += (size_t)got;
	out[size] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_run(void **state)
{
	static const char *const sh[] = {"sh", "-c", "x=5; echo \"$A $((x * 2)) $0\"; exit 3", "name", NULL};
	struct sample s;
	char out[100];
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	sample_write(&s, "program", 0755);
	assert_int_equal(run("./program", nothing, out, sizeof(out)), SAMPLE_STATUS);
	sample_make(&s, ET_DYN, NULL);
	sample_write(&s, "program", 0755);
	assert_int_equal(run("./program", nothing, out, sizeof(out)), SAMPLE_STATUS);
	assert_int_equal(run("/bin/true", nothing, out, sizeof(out)), 0);
	assert_int_equal(run("/bin/false", nothing, out, sizeof(out)), 1);
	assert_int_equal(run("/bin/sh", sh, out, sizeof(out)), 3);
	assert_string_equal(out, "1 10 name\n");
}

static int teardown(void **state)
{
	unlink("program");
	unlink("script");
	return load_fixture_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_read_only_tail),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_executable_stack),
		cmocka_unit_test(test_file_cut_meanwhile),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_stack_order),
		cmocka_unit_test(test_random_bytes_differ),
		cmocka_unit_test(test_too_many_strings),
		cmocka_unit_test(test_run),
	};
	return cmocka_run_group_tests(tests, load_fixture_setup, teardown);
}

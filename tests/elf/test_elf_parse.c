/* SPDX-License-Identifier: MIT */
/* test_elf_parse.c - what the parser says of samples, fact by fact and reason by reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "elf/sample.h"
#include "runtime/elf/elf_parse.h"

static struct sample s;
static struct elf_info info;
static const char *why;
static bool other_abi;

static long parse(bool is_interp)
{
	why = NULL;
	long error = elf_parse_header(s.bytes, s.size, is_interp, &info, &other_abi, &why);
	return error ? error : elf_parse_segments(sample_phdr(&s, 0), is_interp, s.size, &info, &why);
}

static void refused(const char *reason)
{
	assert_int_equal(parse(false), -ENOEXEC);
	assert_string_equal(why, reason);
	sample_make(&s, ET_DYN, NULL);
}

static void fatal(int error, const char *reason)
{
	assert_int_equal(parse(false), 0);
	assert_int_equal(info.fatal, error);
	assert_string_equal(info.fatal_why, reason);
	sample_make(&s, ET_DYN, NULL);
}

static void test_facts(void **state)
{
	(void)state;
	sample_make(&s, ET_EXEC, "/lib/interp");
	sample_phdr(&s, SAMPLE_BSS)->p_align = 0x200000;
	sample_phdr(&s, SAMPLE_STACK)->p_flags = PF_R | PF_W | PF_X;
	assert_int_equal(parse(false), 0);
	assert_int_equal(info.type, ET_EXEC);
	assert_int_equal(info.phnum, SAMPLE_PHNUM);
	assert_int_equal(info.entry, SAMPLE_FIXED + SAMPLE_CODE);
	assert_int_equal(info.start, SAMPLE_FIXED);
	assert_int_equal(info.end, SAMPLE_FIXED + 0x6000);
	assert_int_equal(info.align, 0x200000);
	assert_int_equal(info.phdr_vaddr, SAMPLE_FIXED + 64);
	assert_int_equal(info.interp_offset, SAMPLE_INTERP);
	assert_int_equal(info.interp_size, sizeof("/lib/interp"));
	assert_true(info.stack_exec);
	assert_int_equal(info.fatal, 0);
	assert_int_equal(parse(true), 0);
	assert_int_equal(info.interp_size, 0);
	assert_false(info.stack_exec);
}

static void test_alignment(void **state)
{
	static const struct {
		uint64_t given, taken;
	} rows[] = {{0, 0x1000}, {1, 0x1000}, {0x800, 0x1000}, {3, 0x1000}, {0x3000, 0x1000}, {0x2000, 0x2000},
		{1ull << 34, 1ull << 34}, {1ull << 35, 0x1000}, {1ull << 63, 0x1000}, {~0ull, 0x1000}};
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sample_make(&s, ET_DYN, NULL);
		sample_phdr(&s, SAMPLE_TEXT)->p_align = rows[i].given;
		assert_int_equal(parse(false), 0);
		assert_int_equal(info.align, rows[i].taken);
	}
}

static void test_reasons(void **state)
{
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	s.size = 0;
	refused("empty file");
	s.bytes[0] = 'E';
	refused("not an ELF file");
	s.size = 40;
	refused("truncated ELF header");
	s.header.e_type = ET_REL;
	refused("ELF object file, not linked");
	s.header.e_type = ET_CORE;
	refused("core dump, not a program");
	s.header.e_type = 0xfe00;
	refused("ELF file of unknown type");
	s.header.e_machine = EM_AARCH64;
	refused("ELF file for another machine (aarch64)");
	s.header.e_machine = EM_S390 << 8;
	s.header.e_ident[EI_DATA] = ELFDATA2MSB;
	refused("ELF file for another machine (s390x)");
	s.header.e_machine = 0x7777;
	refused("ELF file for another machine");
	s.header.e_phnum = 0;
	refused("ELF file without program headers");
	s.header.e_phnum = ELF_PHDR_MAX + 1;
	refused("too many ELF program headers");
	s.header.e_phentsize = 32;
	refused("ELF program headers of wrong size");
	sample_phdr(&s, SAMPLE_PT_INTERP)->p_type = PT_INTERP;
	refused("ELF interpreter's name of impossible length");
}

static void test_fatal_reasons(void **state)
{
	(void)state;
	sample_make(&s, ET_DYN, NULL);
	sample_phdr(&s, SAMPLE_TEXT)->p_memsz = 0x4ff;
	fatal(EINVAL, "ELF segment larger in the file than in memory");
	sample_phdr(&s, SAMPLE_BSS)->p_memsz = ~0ull;
	fatal(EINVAL, "ELF segment outside of the address space");
	sample_phdr(&s, SAMPLE_BSS)->p_vaddr = 1ull << 63;
	fatal(EINVAL, "ELF segment outside of the address space");
	sample_phdr(&s, SAMPLE_BSS)->p_offset = 1;
	fatal(EINVAL, "ELF segment whose offset and address do not agree");
	sample_phdr(&s, SAMPLE_BSS)->p_offset = INT64_MAX & ~0xfffull;
	fatal(EOVERFLOW, "ELF segment beyond any file's end");
	s.size = SAMPLE_DATA;
	fatal(EFAULT, "truncated ELF file");
	sample_phdr(&s, SAMPLE_BSS)->p_vaddr = ELF_TASK_SIZE - 0x3000;
	fatal(ENOMEM, "ELF segments too far from each other");
	sample_phdr(&s, SAMPLE_TEXT)->p_type = sample_phdr(&s, SAMPLE_BSS)->p_type = PT_NOTE;
	fatal(EINVAL, "ELF file without anything to load");
	sample_make(&s, ET_EXEC, NULL);
	s.header.e_entry = ELF_TASK_SIZE;
	fatal(EINVAL, "ELF entry outside of the address space");
	sample_make(&s, ET_EXEC, NULL);
	sample_phdr(&s, SAMPLE_TEXT)->p_vaddr = 0;
	fatal(EPERM, "ELF file linked at address 0");
}

static void test_other_abi(void **state)
{
	(void)state;
	sample_make(&s, ET_EXEC, NULL);
	s.header.e_machine = EM_386;
	assert_int_equal(parse(false), -ENOEXEC);
	assert_true(other_abi);
	sample_make(&s, ET_EXEC, NULL); /* x32 */
	s.header.e_ident[EI_CLASS] = ELFCLASS32;
	s.header.e_phentsize = 32;
	assert_int_equal(parse(false), -ENOEXEC);
	assert_true(other_abi);
	s.header.e_phentsize = sizeof(struct elf64_phdr); /* Linux does not look at the class */
	assert_int_equal(parse(false), 0);
	assert_false(other_abi);
	s.header.e_machine = EM_ARM;
	assert_int_equal(parse(false), -ENOEXEC);
	assert_false(other_abi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_fatal_reasons),
		cmocka_unit_test(test_other_abi),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

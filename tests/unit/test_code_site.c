/* SPDX-License-Identifier: MIT */
/*
 * test_code_site.c - which call sites are patched: what is decoded from a function's start, and nothing that only looks like it.
 */
#include "runtime/code/function.h"
#include "runtime/code/site.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})
#define SYSCALL    0x0f, 0x05
#define MOV_9      0xb8, 9, 0, 0, 0

static enum code_result find(const uint8_t *code, size_t size, struct code_piece *piece)
{
	for (size_t at = 0; at + 1 < size; at++)
		if (code[at] == 0x0f && code[at + 1] == 0x05)
			return code_piece_find(code, size, at, 9, piece);
	fail();
	return CODE_FORM;
}

static void expect(enum code_result result, size_t start, size_t length, const uint8_t *code, size_t size)
{
	struct code_piece piece = {0};

	assert_int_equal(find(code, size, &piece), result);
	if (result == CODE_OK) {
		assert_int_equal(piece.start, start);
		assert_int_equal(piece.length, length);
	}
}

static bool has_decoder(void)
{
	struct code_piece piece;
	return find(BYTES(MOV_9, SYSCALL, 0xc3), &piece) != CODE_NO_DECODER;
}

static void test_forms(void **state)
{
	(void)state;
	if (!has_decoder())
		skip();
	expect(CODE_OK, 0, 5, BYTES(MOV_9, SYSCALL, 0xc3));
	/* push rbx; mov eax; mov r10,rcx; xor edx,edx; syscall */
	expect(CODE_OK, 1, 10, BYTES(0x53, MOV_9, 0x49, 0x89, 0xca, 0x31, 0xd2, SYSCALL, 0xc3));
	/* movq $32,(%rsp) between */
	expect(CODE_OK, 0, 13, BYTES(MOV_9, 0x48, 0xc7, 0x04, 0x24, 32, 0, 0, 0, SYSCALL, 0xc3));
	/* another number */
	expect(CODE_FORM, 0, 0, BYTES(0xb8, 8, 0, 0, 0, SYSCALL, 0xc3));
	/* mov $9,%r8d: a REX prefix before b8 */
	expect(CODE_FORM, 0, 0, BYTES(0x41, MOV_9, SYSCALL, 0xc3));
	/* movl $9,-0x48(%rsp): b8 is a displacement */
	expect(CODE_FORM, 0, 0, BYTES(0xc7, 0x44, 0x24, MOV_9, SYSCALL, 0xc3));
	/* mov $9,%rax in the long form */
	expect(CODE_FORM, 0, 0, BYTES(0x48, 0xc7, 0xc0, 9, 0, 0, 0, SYSCALL, 0xc3));
	/* a branch, a call, a write to rax between */
	expect(CODE_FORM, 0, 0, BYTES(MOV_9, 0x74, 0x00, SYSCALL, 0xc3));
	expect(CODE_FORM, 0, 0, BYTES(MOV_9, 0xe8, 0, 0, 0, 0, SYSCALL, 0xc3));
	expect(CODE_FORM, 0, 0, BYTES(MOV_9, 0xff, 0xc0, SYSCALL, 0xc3));
	expect(CODE_FORM, 0, 0, BYTES(MOV_9, 0x83, 0xc0, 1, SYSCALL, 0xc3));
	/* flags are looked at behind: jc */
	expect(CODE_FORM, 0, 0, BYTES(MOV_9, SYSCALL, 0x72, 0x00, 0xc3));
	/* … and set first: test %rax,%rax */
	expect(CODE_OK, 0, 5, BYTES(MOV_9, SYSCALL, 0x48, 0x85, 0xc0, 0xc3));
}

static void test_ways(void **state)
{
	(void)state;
	if (!has_decoder())
		skip();
	/* over bytes that are no code: jmp 1f; .byte 0x48; 1: mov; syscall */
	expect(CODE_OK, 3, 5, BYTES(0xeb, 0x01, 0x48, MOV_9, SYSCALL, 0xc3));
	/* behind a conditional branch, both ways */
	expect(CODE_OK, 3, 5, BYTES(0x74, 0x01, 0xc3, MOV_9, SYSCALL, 0xc3));
	/* behind a return, and nobody branches there */
	expect(CODE_UNREACHED, 0, 0, BYTES(0xc3, MOV_9, SYSCALL, 0xc3));
	/* through an instruction that does not exist */
	expect(CODE_UNREACHED, 0, 0, BYTES(0x06, MOV_9, SYSCALL, 0xc3));
	/* the syscall is inside another instruction: mov $0x050f…,%ebx */
	expect(CODE_UNREACHED, 0, 0, BYTES(MOV_9, 0xbb, SYSCALL, 0, 0, 0xc3));
	/* an endless loop ends */
	expect(CODE_UNREACHED, 0, 0, BYTES(0xeb, 0xfe, MOV_9, SYSCALL, 0xc3));
}

static void test_move(void **state)
{
	/* mov; lea 0x1000(%rip),%rsi */
	const uint8_t code[] = {MOV_9, 0x48, 0x8d, 0x35, 0, 0x10, 0, 0, SYSCALL, 0xc3};
	uint8_t moved[CODE_PIECE_MAX];
	struct code_piece piece;
	int32_t displacement;

	(void)state;
	if (!has_decoder())
		skip();
	assert_int_equal(find(code, sizeof(code), &piece), CODE_OK);
	assert_int_equal(piece.length, 12);
	assert_int_equal(piece.relative_count, 1);
	assert_true(code_piece_move(&piece, code, 0x10000000, moved, 0x10002000));
	assert_memory_equal(moved, code, 8);
	memcpy(&displacement, moved + 8, sizeof(displacement));
	assert_int_equal(displacement, 0x1000 - 0x2000);
	assert_false(code_piece_move(&piece, code, 0x10000000, moved, 0x10000000 + (3ul << 30)));
}

/* ---- where functions begin: asked of this program's own libraries ---- */

static bool read_here(void *arg, void *to, uint64_t from, size_t size)
{
	(void)arg;
	memcpy(to, (const void *)from, size);
	return true;
}

struct wanted {
	uint64_t address, text, offset;
};

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct wanted *wanted = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + ph->p_vaddr;
		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || wanted->address < start ||
			wanted->address >= start + ph->p_memsz)
			continue;
		wanted->text = start & ~4095ul;
		wanted->offset = ph->p_offset & ~4095ul;
		return 1;
	}
	return 0;
}

static void test_functions(void **state)
{
	static const char *const names[] = {"munmap", "mprotect", "sigaction", "qsort", "strtol"};
	const struct code_reader reader = {read_here, NULL};
	struct code_function function;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		uint64_t start = (uint64_t)dlsym(RTLD_NEXT, names[i]);
		struct wanted wanted = {.address = start};

		assert_true(start && dl_iterate_phdr(visit, &wanted));
		for (uint64_t in = 0; in < 4; in++) {
			assert_true(code_function_find(&reader, NULL, wanted.text, wanted.offset, start + in, &function));
			assert_int_equal(function.start, start);
			assert_true(function.size > in);
		}
	}
}

/* As clone(2) of libraries: the child has no caller to unwind to, so the function's entry ends before the syscall. */
void open_ended(void), open_ended_syscall(void);
__asm__(".text\n"
	".type open_ended, @function\n"
	"open_ended:\n"
	"	.cfi_startproc\n"
	"	nop\n"
	"	mov $56, %eax\n"
	"	.cfi_endproc\n"
	".type open_ended_syscall, @function\n"
	"open_ended_syscall:\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	ret\n"
	"	.fill 16, 1, 0x90\n");

static void test_open_ended(void **state)
{
	const struct code_reader reader = {read_here, NULL};
	struct wanted wanted = {.address = (uint64_t)open_ended_syscall};
	struct code_function function;
	struct code_piece piece;

	(void)state;
	assert_true(dl_iterate_phdr(visit, &wanted));
	assert_true(code_function_find(&reader, NULL, wanted.text, wanted.offset, wanted.address, &function));
	assert_int_equal(function.start, (uint64_t)open_ended);
	if (!has_decoder())
		return;
	assert_int_equal(
		code_piece_find((const uint8_t *)function.start, function.size, wanted.address - function.start, 56, &piece),
		CODE_OK);
	assert_int_equal(piece.start, 1);
	assert_false(code_function_find(&reader, NULL, wanted.text, wanted.offset, wanted.address + 1, &function) &&
		     function.start == (uint64_t)open_ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_open_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

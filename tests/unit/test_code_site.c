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
#define CPUID      0x0f, 0xa2
#define MOV_EDI    0x89, 0xf8 /* mov %edi,%eax */
#define MOV_R12    0x44, 0x89, 0xe0 /* mov %r12d,%eax */
#define MOV_ESI    0x89, 0xf1 /* mov %esi,%ecx */

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

/* ---- cpuid ---- */

static void expect_cpuid(unsigned count, size_t start, size_t length, const uint8_t *code, size_t size)
{
	struct code_piece pieces[4] = {0};

	assert_int_equal(code_cpuid_find(code, size, true, pieces, 4), count);
	if (count) {
		assert_int_equal(pieces[0].start, start);
		assert_int_equal(pieces[0].length, length);
	}
}

static void test_cpuid_forms(void **state)
{
	(void)state;
	if (!has_decoder())
		skip();
	expect_cpuid(1, 0, 5, BYTES(MOV_9, CPUID, 0xc3));
	/* push rbx; mov eax; xor ecx,ecx; cpuid: from the mov on */
	expect_cpuid(1, 1, 7, BYTES(0x53, MOV_9, 0x31, 0xc9, CPUID, 0xc3));
	/* movl $0,0x60(%rsp), which says nothing of eax */
	expect_cpuid(1, 0, 8, BYTES(0xc7, 0x44, 0x24, 0x60, 0, 0, 0, 0, CPUID, 0xc3));
	/* mov %eax,0x1000(%rip); mov %r8d,%eax: a displacement */
	expect_cpuid(1, 0, 9, BYTES(0x89, 0x05, 0, 0x10, 0, 0, 0x44, 0x89, 0xc0, CPUID, 0xc3));
	/* several instructions under the jump; the shortest that has room */
	expect_cpuid(1, 0, 5, BYTES(MOV_R12, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(1, 3, 5, BYTES(MOV_R12, MOV_R12, MOV_ESI, CPUID, 0xc3));
	/* no room; a call, a branch, an exchange before it */
	expect_cpuid(0, 0, 0, BYTES(MOV_EDI, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_9, 0xe8, 0, 0, 0, 0, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_9, 0x74, 0x00, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_9, 0x93, CPUID, 0xc3));
	/* more of them, not two within one jump */
	expect_cpuid(2, 0, 5, BYTES(MOV_9, CPUID, MOV_9, CPUID, 0xc3));
	expect_cpuid(1, 0, 5, BYTES(MOV_9, CPUID, MOV_ESI, CPUID, 0xc3));
	/* nobody comes there; inside another instruction: mov $0x..a20f,%ebx */
	expect_cpuid(0, 0, 0, BYTES(0xc3, MOV_9, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_9, 0xbb, CPUID, 0, 0, 0xc3));
	/* a piece that would not fit beside the rest of a trampoline: six moves of 5 bytes have one that does */
	expect_cpuid(1, 25, 5, BYTES(MOV_9, MOV_9, MOV_9, MOV_9, MOV_9, MOV_9, CPUID, 0xc3));
}

static void test_cpuid_branches(void **state)
{
	const uint8_t two[] = {MOV_R12, MOV_ESI, CPUID, 0xc3};
	struct code_piece piece;

	(void)state;
	if (!has_decoder())
		skip();
	/* to the first of several: jz to 0 */
	expect_cpuid(1, 0, 5, BYTES(MOV_R12, MOV_ESI, CPUID, 0x74, 0xf7, 0xc3));
	/* to the cpuid itself, which stays where it is */
	expect_cpuid(1, 0, 5, BYTES(MOV_R12, MOV_ESI, CPUID, 0x74, 0xfc, 0xc3));
	/* into the middle, from behind and from before, near and far */
	expect_cpuid(0, 0, 0, BYTES(MOV_R12, MOV_ESI, CPUID, 0x74, 0xfa, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(0x74, 0x03, MOV_R12, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_R12, MOV_ESI, CPUID, 0x0f, 0x84, 0xf6, 0xff, 0xff, 0xff, 0xc3));
	/* … where the jump covers one instruction, the middle of the piece is still there */
	expect_cpuid(1, 0, 7, BYTES(MOV_9, MOV_ESI, CPUID, 0x74, 0xfa, 0xc3));
	/* a branch that nobody can follow: jmp *%rax; out of the function, either way; through what is no instruction */
	expect_cpuid(0, 0, 0, BYTES(0x74, 0x02, 0xff, 0xe0, MOV_R12, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(MOV_R12, MOV_ESI, CPUID, 0xe9, 0, 1, 0, 0));
	expect_cpuid(0, 0, 0, BYTES(0x74, 0xf0, MOV_R12, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(0x74, 0x01, 0x06, MOV_R12, MOV_ESI, CPUID, 0xc3));
	/* … which says nothing of a single instruction */
	expect_cpuid(1, 4, 5, BYTES(0x74, 0x02, 0xff, 0xe0, MOV_9, CPUID, 0xc3));
	/* what is under the jump is begun anew after a signal, so it must be moves that do not read what they write: mov %eax,%ecx
	 * behind; add */
	expect_cpuid(0, 0, 0, BYTES(MOV_R12, 0x89, 0xc1, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(0x83, 0xc6, 0x01, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(0x8b, 0x44, 0x06, 0x04 /* mov 4(%rsi,%rax),%eax */, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(1, 0, 6, BYTES(0x8b, 0x44, 0x3e, 0x04 /* mov 4(%rsi,%rdi),%eax */, MOV_ESI, CPUID, 0xc3));
	expect_cpuid(0, 0, 0, BYTES(0x89, 0x04, 0x24 /* mov %eax,(%rsp) */, MOV_ESI, CPUID, 0xc3));
	/* … what is behind the jump, any */
	expect_cpuid(1, 0, 8, BYTES(MOV_EDI, 0x49, 0x89, 0xd0, 0x83, 0xc1, 0x01, CPUID, 0xc3));
	/* only a part of the function is there */
	assert_int_equal(code_cpuid_find(two, sizeof(two), true, &piece, 1), 1);
	assert_int_equal(code_cpuid_find(two, sizeof(two), false, &piece, 1), 0);
}

/* Bytes at random, with many cpuid, short branches and moves among them: what is found is before a cpuid and has room for a
 * jump. */
static void test_cpuid_random(void **state)
{
	static const uint8_t often[][3] = {
		{CPUID, 0x90}, {MOV_R12}, {MOV_EDI, 0x90}, {MOV_ESI, 0x90}, {0x74, 0xf0, 0x90}, {0xb8, 1, 0}};
	uint64_t random = 88172645463325252ul;
	unsigned all = 0;

	(void)state;
	if (!has_decoder())
		skip();
	for (int n = 0; n < 5000; n++) {
		struct code_piece pieces[8];
		uint8_t code[96];
		unsigned count;

		for (size_t i = 0; i < sizeof(code); i += 3) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(code + i, random % 8 < 6 ? often[random % 8] : (const uint8_t *)&random, 3);
		}
		count = code_cpuid_find(code, sizeof(code), random & 256, pieces, 8);
		assert_true(count <= 8);
		for (unsigned i = 0; i < count; i++) {
			const uint8_t *end = code + pieces[i].start + pieces[i].length;
			assert_in_range(pieces[i].length, CODE_JUMP_SIZE, CODE_CPUID_PIECE_MAX);
			assert_true(end + CODE_CPUID_SIZE <= code + sizeof(code) && end[0] == 0x0f && end[1] == 0xa2);
		}
		all += count;
	}
	assert_true(all > 100);
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
		cmocka_unit_test(test_cpuid_forms),
		cmocka_unit_test(test_cpuid_branches),
		cmocka_unit_test(test_cpuid_random),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_open_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

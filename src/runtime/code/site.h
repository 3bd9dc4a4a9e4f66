/* SPDX-License-Identifier: MIT */
/*
 * site.h - which instructions before a `syscall` or `cpuid` can run elsewhere, so that a jump has room in their place?
 *
 *     function ─▶ … │ mov $nr,%eax │ mov %r9,%rdx │ syscall │ …
 *                   └────────── the piece ────────┘
 *                     5 bytes, where a jump fits    the syscall stays where it is
 *
 * Nothing is guessed: instructions are decoded from the function's first one on, along every direct branch, until one run reaches
 * the syscall. Bytes that only look like a mov (a displacement, an immediate, the tail of one with a REX prefix) are then no start
 * of an instruction.
 */
#ifndef TULOU_RUNTIME_CODE_SITE_H
#define TULOU_RUNTIME_CODE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CODE_SYSCALL_SIZE = 2, CODE_CPUID_SIZE = 2, CODE_JUMP_SIZE = 5 };
enum { CODE_PIECE_MAX = 32, CODE_CPUID_PIECE_MAX = 26, CODE_FUNCTION_MAX = 8192, CODE_RELATIVE_MAX = 4 };

/* Was it built with one? Else no site is ever understood. */
extern const bool code_decoder;

enum code_result {
	CODE_OK,
	CODE_NO_DECODER, /* built without one */
	CODE_UNREACHED, /* no run of decoded instructions comes to the syscall */
	CODE_FORM, /* the number is loaded elsewhere, or what stands between cannot be moved */
};

struct code_piece {
	size_t start; /* of its first instruction, in the function */
	size_t length; /* from there to the syscall or cpuid */
	unsigned relative_count;
	uint8_t relative[CODE_RELATIVE_MAX]; /* where 32-bit displacements from the instruction pointer stand in it */
};

/* `code`: `size` bytes (at most CODE_FUNCTION_MAX) from the first instruction of a function on. `syscall_at`: where the syscall
 * stands in them. `nr`: what rax held there. */
enum code_result code_piece_find(const uint8_t *code, size_t size, size_t syscall_at, uint32_t nr, struct code_piece *out);
/* The pieces before all cpuid instructions of a function that a jump has room in: one instruction, or several, moves that may
 * be done twice, of which nobody can branch to any but the first. `whole`: `size` is all of the function. Returns how many were
 * found, at most `most`. */
unsigned code_cpuid_find(const uint8_t *code, size_t size, bool whole, struct code_piece *out, unsigned most);
/* Copy the piece from `bytes`, which stand at address `from`, to where it will run at address `to`. False when something that it
 * refers to is out of reach there. */
bool code_piece_move(const struct code_piece *piece, const uint8_t *bytes, uint64_t from, uint8_t *out, uint64_t to);

#endif

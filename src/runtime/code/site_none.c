/* SPDX-License-Identifier: MIT */
/* site_none.c - for a build without Zydis: no site is ever known, and every call is trapped. */
#include "runtime/code/site.h"

const bool code_decoder = false;

enum code_result code_piece_find(const uint8_t *code, size_t size, size_t syscall_at, uint32_t nr, struct code_piece *out)
{
	(void)code;
	(void)size;
	(void)syscall_at;
	(void)nr;
	(void)out;
	return CODE_NO_DECODER;
}

unsigned code_cpuid_find(const uint8_t *code, size_t size, bool whole, struct code_piece *out, unsigned most)
{
	(void)code;
	(void)size;
	(void)whole;
	(void)out;
	(void)most;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * function.h - where does the function begin that an address lies in? Asked of a mapped ELF image itself:
 *
 *     program headers ─▶ PT_GNU_EH_FRAME: the table that unwinders search (every function that has unwind information, local ones
 *                    │   too), and its entry's length
 *                    ├▶ PT_DYNAMIC: the symbols that the image exports (musl has no unwind information)
 *                    └▶ the file's symbol table, which is not mapped, when the caller can read the file (static programs)
 *
 * Both are read through the caller's functions, since a guest may unmap it meanwhile, and every number in it may be a lie.
 */
#ifndef TULOU_RUNTIME_CODE_FUNCTION_H
#define TULOU_RUNTIME_CODE_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code_reader {
	bool (*read)(void *arg, void *to, uint64_t from, size_t size);
	void *arg;
};

struct code_function {
	uint64_t start, size;
};

/* `address`: of a syscall. `file`: reads at offsets of the image's file; NULL: it cannot be read. `text`: where the mapping of the
 * file's bytes from `offset` on stands; both whole pages. False: nothing says where the function of `address` begins. */
bool code_function_find(const struct code_reader *reader, const struct code_reader *file, uint64_t text, uint64_t offset,
	uint64_t address, struct code_function *out);

#endif

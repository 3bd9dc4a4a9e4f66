/* SPDX-License-Identifier: MIT */
/*
 * elf_parse.h - what an ELF file says about itself, checked. Pure: bytes in, struct elf_info out, no I/O, no memory of its own.
 *
 * Two steps, because the table's place is known only after the first:
 *
 *     first 64 bytes ── elf_parse_header ──> phoff, phnum ── (caller reads the table) ── elf_parse_segments ──> the rest
 *
 * Linux makes some checks before it tears the old program down (execve fails: ENOEXEC) and others after (the process is
 * killed with SIGSEGV). Both are made here, in advance, and kept apart: a return value for the first, `fatal` for the second.
 * Every number of the file may be a lie; no sum is formed that was not shown to fit.
 */
#ifndef TULOU_RUNTIME_ELF_PARSE_H
#define TULOU_RUNTIME_ELF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/elf.h>

enum {
	ELF_HEADER_SIZE = sizeof(struct elf64_hdr),
	ELF_PHDR_MAX = 65536 / sizeof(struct elf64_phdr), /* the kernel's limit: a table of 64 KiB */
	ELF_INTERP_MAX = 4096, /* PATH_MAX, NUL included */
};

/* Linux TASK_SIZE without LA57: nothing may end above. */
#define ELF_TASK_SIZE 0x7ffffffff000ul

struct elf_info {
	/* elf_parse_header */
	uint16_t type; /* ET_EXEC or ET_DYN, except with `fatal` */
	uint16_t phnum;
	uint64_t phoff;
	uint64_t entry; /* as linked */
	/* elf_parse_segments */
	const struct elf64_phdr *phdrs; /* the caller's table */
	uint64_t start, end; /* all segments as linked, whole pages */
	uint64_t align; /* power of two, at least a page */
	uint64_t phdr_vaddr; /* the table as linked; 0 when no segment holds it */
	uint64_t interp_offset;
	uint32_t interp_size; /* NUL included; 0: no interpreter */
	bool stack_exec;
	/* what Linux finds too late to say no: the process is killed with SIGSEGV. 0, or the errno that it gives up with */
	int fatal;
	const char *fatal_why;
};

/* 0, or -ENOEXEC and the reason in `why` (a constant). `bytes` are the file's first; missing ones count as 0.
 * A 32-bit program is -ENOEXEC with *other_abi true: only the kernel can run it. */
long elf_parse_header(const void *bytes, size_t size, bool is_interp, struct elf_info *info, bool *other_abi, const char **why);

/* `table` holds info->phnum headers and must live as long as `info`. `is_interp`: PT_INTERP and PT_GNU_STACK mean nothing.
 * `file_size` in bytes. 0, or -ENOEXEC and the reason. */
long elf_parse_segments(
	const struct elf64_phdr *table, bool is_interp, uint64_t file_size, struct elf_info *info, const char **why);

/* Bytes of the table: info->phnum headers, at most 64 KiB. */
static inline size_t elf_table_size(const struct elf_info *info)
{
	return (size_t)info->phnum * sizeof(struct elf64_phdr);
}

#endif

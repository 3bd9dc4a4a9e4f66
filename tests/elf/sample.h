/* SPDX-License-Identifier: MIT */
/*
 * sample.h - a small ELF program that is made, and damaged, by the tests.
 *
 *     file  0        64       0x300   0x400      0x1000     0x1100
 *           ├header──┤phdrs───┤interp─┤code──────┤data──────┤
 *     text segment  [0, 0x500)        at base              R X
 *     data segment  [0x1000, 0x1100)  at base + 0x3000     RW, 0x2800 bytes in memory: zeroed tail, two and a bit pages of bss
 *
 * The code leaves with status 7. Between text and data lie two pages that nobody maps.
 */
#ifndef TULOU_TESTS_ELF_SAMPLE_H
#define TULOU_TESTS_ELF_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/elf.h>

enum {
	SAMPLE_SIZE = 0x1100,
	SAMPLE_CODE = 0x400,
	SAMPLE_INTERP = 0x300,
	SAMPLE_DATA = 0x1000,
	SAMPLE_STATUS = 7,
};

/* Where an ET_EXEC sample is linked: where nobody else is, sanitizers included. */
#define SAMPLE_FIXED 0x210000000000ul

/* The segments' places in the table. */
enum { SAMPLE_TEXT, SAMPLE_BSS, SAMPLE_STACK, SAMPLE_PT_INTERP, SAMPLE_PHNUM };

struct sample {
	union {
		unsigned char bytes[SAMPLE_SIZE];
		struct elf64_hdr header;
	};
	size_t size; /* how much of it is written */
};

/* `type`: ET_EXEC or ET_DYN; `interp`: NULL for none (the entry in the table is PT_NULL then). */
void sample_make(struct sample *s, int type, const char *interp);
struct elf64_phdr *sample_phdr(struct sample *s, unsigned index);
/* Writes it to a file of mode `mode`, replacing what was there. */
void sample_write(const struct sample *s, const char *path, unsigned mode);
void file_write(const char *path, const void *bytes, size_t size, unsigned mode);

#endif

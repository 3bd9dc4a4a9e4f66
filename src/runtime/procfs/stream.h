/* SPDX-License-Identifier: MIT */
/* stream.h - read the kernel's text line by line, write ours in larger parts: a few KiB of buffers on the trap's stack. */
#ifndef TULOU_RUNTIME_PROCFS_STREAM_H
#define TULOU_RUNTIME_PROCFS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINES_BUFFER = 4096 + 128, OUTPUT_BUFFER = 2048, OUTPUT_PRINT = 256 };

struct lines {
	int fd;
	bool inside; /* the last piece was not the end of its line */
	bool begins; /* this piece is the beginning of a line */
	size_t at, have;
	_Alignas(8) char buffer[LINES_BUFFER];
};

void lines_init(struct lines *lines, int fd);
/* The next line with its newline, or a piece of one that is longer than the buffer. Its size, 0 at the end, or a negative errno.
 * `*text` stays until the next call and may be written to. */
long lines_next(struct lines *lines, char **text);

struct output {
	int fd;
	long error; /* the first that happened; what is put afterwards is lost */
	size_t have;
	char buffer[OUTPUT_BUFFER];
};

void output_init(struct output *output, int fd);
void output_put(struct output *output, const char *text, size_t size);
/* At most OUTPUT_PRINT - 1 bytes. Returns the size. */
size_t output_print(struct output *output, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* 0 or the first error. */
long output_flush(struct output *output);

/* Hexadecimal or decimal digits from *text on, which moves behind them. */
uintptr_t text_hex(const char **text);
uint64_t text_decimal(const char **text);
/* The decimal number behind `key` at the start of a line of the kernel's file; 0 when there is none, or a negative errno. */
long proc_number(const char *path, const char *key);

#endif

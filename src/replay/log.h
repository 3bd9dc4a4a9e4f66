/* SPDX-License-Identifier: MIT */
/* log.h - a file line by line, in one buffer of a fixed size. A line longer than that loses its end. */
#ifndef TULOU_REPLAY_LOG_H
#define TULOU_REPLAY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_BUFFER = 256 << 10 };

struct log {
	int fd;
	uint64_t size, read; /* bytes; size 0: not known */
	size_t at, filled;
	char buffer[LOG_BUFFER];
};

/* 0 or an errno. */
int log_open(struct log *log, const char *path);
void log_close(struct log *log);
/* From the beginning once more. 0 or an errno (ESPIPE). */
int log_rewind(struct log *log);
/* The next line, without its newline; valid until the next call. `cut`: its end is missing. 1, or 0 at the end, or a negative errno. */
int log_line(struct log *log, const char **line, size_t *size, bool *cut);

#endif

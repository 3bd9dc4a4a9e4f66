/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int log_open(struct log *log, const char *path)
{
	struct stat stat;

	log->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (log->fd < 0)
		return errno;
	log->size = !fstat(log->fd, &stat) && S_ISREG(stat.st_mode) ? (uint64_t)stat.st_size : 0;
	log->read = log->at = log->filled = 0;
	return 0;
}

void log_close(struct log *log)
{
	close(log->fd);
}

int log_rewind(struct log *log)
{
	log->read = log->at = log->filled = 0;
	return lseek(log->fd, 0, SEEK_SET) < 0 ? errno : 0;
}

/* More bytes behind those that are there; what was handed out is dropped. Bytes, 0 at the end, or a negative errno. */
static long fill(struct log *log)
{
	long got;

	memmove(log->buffer, log->buffer + log->at, log->filled - log->at);
	log->filled -= log->at;
	log->at = 0;
	do
		got = read(log->fd, log->buffer + log->filled, LOG_BUFFER - log->filled);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	log->filled += (size_t)got;
	log->read += (uint64_t)got;
	return got;
}

/* A line that fills the buffer: its rest goes by. */
static int skip_rest(struct log *log)
{
	for (;;) {
		const char *end;
		long got;

		log->at = log->filled;
		got = fill(log);
		if (got <= 0)
			return (int)got;
		end = memchr(log->buffer, '\n', log->filled);
		if (end) {
			log->at = (size_t)(end - log->buffer) + 1;
			return 0;
		}
	}
}

int log_line(struct log *log, const char **line, size_t *size, bool *cut)
{
	static char head[4096];

	for (size_t seen = 0;;) {
		const char *start = log->buffer + log->at;
		const char *end = memchr(start + seen, '\n', log->filled - log->at - seen);
		long got;

		*cut = !end;
		*line = start;
		*size = end ? (size_t)(end - start) : log->filled - log->at;
		if (end) {
			log->at += *size + 1;
			return 1;
		}
		if (*size == LOG_BUFFER) {
			*size = sizeof(head);
			memcpy(head, start, sizeof(head));
			*line = head;
			got = skip_rest(log);
			return got < 0 ? (int)got : 1;
		}
		seen = *size;
		got = fill(log);
		if (got < 0)
			return (int)got;
		*line = log->buffer;
		if (got == 0) {
			log->at = log->filled;
			return *size > 0;
		}
	}
}

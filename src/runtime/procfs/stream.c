/* SPDX-License-Identifier: MIT */
#include "runtime/procfs/stream.h"

#include <linux/fcntl.h>

#include "base/format.h"
#include "base/mem.h"
#include "host/linux/syscall.h"
#include "runtime/message.h"
#include "runtime/text.h"

void lines_init(struct lines *lines, int fd)
{
	lines->fd = fd;
	lines->inside = lines->begins = false;
	lines->at = lines->have = 0;
}

/* Hand out the buffer up to `end`. */
static long piece(struct lines *lines, size_t end, bool complete, char **text)
{
	size_t size = end - lines->at;

	*text = lines->buffer + lines->at;
	lines->begins = !lines->inside;
	lines->inside = !complete;
	lines->at = end;
	return (long)size;
}

long lines_next(struct lines *lines, char **text)
{
	for (size_t seen = lines->at;;) {
		long more;

		for (; seen < lines->have; seen++)
			if (lines->buffer[seen] == '\n')
				return piece(lines, seen + 1, true, text);
		memmove(lines->buffer, lines->buffer + lines->at, lines->have - lines->at);
		lines->have -= lines->at;
		seen -= lines->at;
		lines->at = 0;
		if (lines->have == sizeof lines->buffer)
			return piece(lines, lines->have, false, text);
		more = sys3(__NR_read, lines->fd, (long)(lines->buffer + seen), (long)(sizeof lines->buffer - seen));
		if (more < 0)
			return more;
		if (!more)
			return piece(lines, lines->have, true, text);
		lines->have += (size_t)more;
	}
}

void output_init(struct output *output, int fd)
{
	output->fd = fd;
	output->error = 0;
	output->have = 0;
}

long output_flush(struct output *output)
{
	if (!output->error)
		output->error = write_all(output->fd, output->buffer, output->have);
	output->have = 0;
	return output->error;
}

void output_put(struct output *output, const char *text, size_t size)
{
	if (output->have + size > sizeof output->buffer)
		output_flush(output);
	if (size > sizeof output->buffer) {
		if (!output->error)
			output->error = write_all(output->fd, text, size);
		return;
	}
	memcpy(output->buffer + output->have, text, size);
	output->have += size;
}

size_t output_print(struct output *output, const char *text, ...)
{
	char line[OUTPUT_PRINT];
	va_list args;
	size_t size;

	va_start(args, text);
	size = format_list(line, sizeof line, text, args);
	va_end(args);
	if (size >= sizeof line)
		size = sizeof line - 1;
	output_put(output, line, size);
	return size;
}

uintptr_t text_hex(const char **text)
{
	uintptr_t value = 0;

	for (;; ++*text) {
		unsigned c = (unsigned char)**text;
		unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
		if (digit > 15)
			return value;
		value = value << 4 | digit;
	}
}

uint64_t text_decimal(const char **text)
{
	uint64_t value = 0;

	for (; **text >= '0' && **text <= '9'; ++*text)
		value = value * 10 + (uint64_t)(**text - '0');
	return value;
}

long proc_number(const char *path, const char *key)
{
	const char *value = NULL;
	struct lines in;
	char *text;
	long fd = sys4(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0), size = 1;

	if (fd < 0)
		return fd;
	lines_init(&in, (int)fd);
	while (!value && (size = lines_next(&in, &text)) > 0)
		value = in.begins ? text_after(text, key) : NULL;
	sys1(__NR_close, (int)fd);
	return value ? (long)text_decimal(&value) : size;
}

/* SPDX-License-Identifier: MIT */
#include "runtime/elf/script.h"

#include <tulou/abi.h>
#include "runtime/elf/bytes.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first byte of [at, end] that is no blank; NULL: there is none. */
static char *blank_skip(char *at, const char *end)
{
	for (; at <= end; at++)
		if (!is_blank(*at))
			return at;
	return NULL;
}

/* The first blank or NUL of [at, end]; NULL: there is none. */
static char *word_end(char *at, const char *end)
{
	for (; at <= end; at++)
		if (is_blank(*at) || *at == '\0')
			return at;
	return NULL;
}

bool script_detect(const void *bytes, size_t size)
{
	const char *text = bytes;
	return size >= 2 && text[0] == '#' && text[1] == '!';
}

/* Where the line ends: at its newline; without one, at the last byte that counts, if the interpreter's name ends before. */
static char *line_end(char *line)
{
	char *last = line + SCRIPT_LINE_MAX - 1;
	for (char *at = line; at <= last && *at != '\0'; at++)
		if (*at == '\n')
			return at;
	char *name = blank_skip(line + 2, last);
	return name && word_end(name, last) ? last : NULL;
}

long script_parse(const void *bytes, size_t size, struct script *out)
{
	if (!script_detect(bytes, size))
		return -TULOU_ENOEXEC;
	if (size > SCRIPT_LINE_MAX)
		size = SCRIPT_LINE_MAX;
	bytes_zero(out->line, sizeof(out->line));
	bytes_copy(out->line, bytes, size);

	char *end = line_end(out->line);
	if (!end)
		return -TULOU_ENOEXEC;
	while (is_blank(end[-1]))
		end--;
	char *name = blank_skip(out->line + 2, end);
	if (!name || name == end)
		return -TULOU_ENOEXEC;

	char *gap = word_end(name, end);
	char *arg = gap && *gap != '\0' ? blank_skip(gap, end) : NULL;
	*end = '\0';
	if (arg)
		*gap = '\0';
	out->interp = name;
	out->arg = arg;
	return 0;
}

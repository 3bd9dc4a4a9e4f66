/* SPDX-License-Identifier: MIT */
/*
 * map_text.c - text in the format of /proc/PID/maps, the kernel's and the books' (tulou_maps), into the normal form.
 *
 *     200002000000-200002021000 rw-p 00000000 00:00 0                          [heap]
 *     start        end          perms offset  device inode                     name, from column 73 on
 *
 * Each line is written again from what was read and must be the same. Left out are: names of files, which the core does not know;
 * device and inode of shared anonymous memory, which differ each time; "[stack]", since the follower's is a copy.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "map.h"

enum { NAME_COLUMN = 73, LINE_MAX_SIZE = 512 };

struct map_line {
	struct range range;
	unsigned major, minor;
	uint64_t ino;
	const char *name; /* behind it: the newline */
};

/* One number; *at is left on what follows it. */
static uint64_t number_take(const char **at, unsigned base)
{
	uint64_t value = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value * base + (uint64_t)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			value = value * base + (uint64_t)(c - 'a' + 10);
		else
			return value;
	}
}

static void line_parse(const char *line, const char *end, struct map_line *out)
{
	struct range *range = &out->range;

	memset(range, 0, sizeof(*range));
	range->start = number_take(&line, 16);
	line++;
	range->end = number_take(&line, 16);
	line++;
	range->prot = (line[0] == 'r' ? PROT_READ : 0) | (line[1] == 'w' ? PROT_WRITE : 0) | (line[2] == 'x' ? PROT_EXEC : 0);
	range->shared = line[3] == 's';
	line += 5;
	range->offset = number_take(&line, 16);
	line++;
	out->major = (unsigned)number_take(&line, 16);
	line++;
	out->minor = (unsigned)number_take(&line, 16);
	line++;
	out->ino = number_take(&line, 10);
	for (; line < end && *line == ' '; line++)
		;
	out->name = line;
}

static bool line_is_well_formed(const char *line, size_t size, const struct map_line *parsed)
{
	const struct range *range = &parsed->range;
	char again[LINE_MAX_SIZE];
	size_t name_size = (size_t)(line + size - parsed->name);
	int length = snprintf(again, sizeof(again), "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", (unsigned long)range->start,
		(unsigned long)range->end, range->prot & PROT_READ ? 'r' : '-', range->prot & PROT_WRITE ? 'w' : '-',
		range->prot & PROT_EXEC ? 'x' : '-', range->shared ? 's' : 'p', (unsigned long)range->offset, parsed->major,
		parsed->minor, (unsigned long)parsed->ino);

	for (; name_size > 1 && length < NAME_COLUMN; length++)
		again[length] = ' ';
	if (name_size > sizeof(again) - (size_t)length)
		return false;
	memcpy(again + length, parsed->name, name_size);
	return (size_t)length + name_size == size && memcmp(again, line, size) == 0;
}

/* The part of a range in [start, end). */
static void part_add(const struct map_reader *reader, const struct range *range, uintptr_t start, uintptr_t end, bool heap)
{
	struct range part = *range;

	start = start > reader->start ? start : reader->start;
	end = end < reader->end ? end : reader->end;
	part.start = start > range->start ? start : range->start;
	part.end = end < range->end ? end : range->end;
	part.offset += part.start - range->start;
	part.heap = heap;
	if (part.start < part.end)
		map_add(reader->map, &part);
}

void map_line(struct map_reader *reader, const char *text, size_t size)
{
	struct map_line line;
	struct range *range = &line.range;

	line_parse(text, text + size - 1, &line);
	reader->met += range->start < reader->meet_end && range->end > reader->meet_start;
	if (range->end <= reader->start || range->start >= reader->end)
		return;
	range->file = reader->file_of(makedev(line.major, line.minor), line.ino, range->shared);
	if (!line_is_well_formed(text, size, &line))
		range->file = FILE_BROKEN_LINE;
	if (strncmp(line.name, "[heap]", 6) != 0) {
		part_add(reader, range, 0, UINTPTR_MAX, false);
		return;
	}
	part_add(reader, range, 0, reader->heap_start, false);
	part_add(reader, range, reader->heap_start, reader->heap_end, true);
	part_add(reader, range, reader->heap_end, UINTPTR_MAX, false);
}

void map_read_self(struct map_reader *reader)
{
	static char text[1 << 20];
	size_t size = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	map_clear(reader->map);
	while (fd >= 0 && size < sizeof(text) - 1 && (got = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)got;
	close(fd);
	text[size] = 0;
	for (const char *line = text, *next; (next = strchr(line, '\n')); line = next + 1)
		map_line(reader, line, (size_t)(next + 1 - line));
}

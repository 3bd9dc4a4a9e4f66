/* SPDX-License-Identifier: MIT */
/*
 * maps.c - the kernel's lines about areas, less those of others and of the runtime, with [heap] and [stack] named.
 *
 *     200002000000-200002021000 rw-p 00000000 00:00 0                          [heap]
 *     start        end          perms offset  device inode                     name, from MAP_NAME_COLUMN on
 *
 * The kernel may have merged two areas of a process; heap and stack then get lines of their own in maps. In smaps the numbers of a
 * section cannot be divided: there the whole is named.
 */
#include "runtime/procfs/procfs.h"

#include <asm-generic/errno-base.h>

#include "base/mem.h"
#include "runtime/layout.h"
#include "runtime/process/outside.h"
#include "runtime/text.h"

bool map_line_parse(const char *text, size_t size, struct map_line *out)
{
	const char *at = text, *end = text + size;

	if (!size || !((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f')))
		return false;
	out->start = text_hex(&at);
	if (*at++ != '-')
		return false;
	out->end = text_hex(&at);
	memcpy(out->perms, at + 1, 4);
	out->perms[4] = 0;
	at += 6;
	out->offset = text_hex(&at);
	out->rest = ++at;
	for (int field = 0; field < 2; field++) { /* device, inode */
		while (at < end && *at != ' ' && *at != '\n')
			at++;
		while (at < end && *at == ' ')
			at++;
	}
	out->name = at < end && *at != '\n' ? at : NULL;
	return true;
}

bool map_common(const struct process *process, const char *name, uintptr_t start, uintptr_t end)
{
	return (name && text_after(name, "[v")) || outside_covers(process, start, end);
}

/* The part of a line between two addresses; `text` is all of it. */
static void put_piece(
	struct output *out, const struct map_line *line, const char *text, size_t size, const struct own_piece *piece)
{
	const char *mark = line->name ? NULL : piece->mark;
	uint64_t offset = line->offset ? line->offset + (piece->start - line->start) : 0;
	size_t column, rest = (size_t)(text + size - line->rest);

	if (piece->start == line->start && piece->end == line->end && !mark) {
		output_put(out, text, size);
		return;
	}
	column = output_print(out, "%08lx-%08lx %s %08lx ", piece->start, piece->end, line->perms, (unsigned long)offset);
	if (!mark) {
		output_put(out, line->rest, rest);
		return;
	}
	output_put(out, line->rest, rest - 1); /* "device inode " without the newline */
	for (column += rest - 1; column < MAP_NAME_COLUMN; column++)
		output_put(out, " ", 1);
	output_print(out, "%s\n", mark);
}

static bool put_line(struct snapshot *s, const char *text, size_t size, bool sections)
{
	struct map_line line;
	struct own_piece piece;
	bool any = false;

	if (!map_line_parse(text, size, &line))
		return false;
	if (line.start >= POOL_END) {
		any = map_common(s->process, line.name, line.start, line.end);
		if (any)
			output_put(&s->out, text, size);
		return any;
	}
	for (uintptr_t start = line.start; own_piece(&s->areas, start, line.end, !sections && !line.name, &piece);
		start = piece.end) {
		put_piece(&s->out, &line, text, size, &piece);
		any = true;
	}
	return any;
}

static bool section_head(const char *text)
{
	return *text < 'A' || *text > 'Z';
}

static long copy_own(struct snapshot *s, bool sections)
{
	bool keep = false;
	char *text;
	long size;

	while ((size = lines_next(&s->in, &text)) > 0) {
		if (s->in.begins && (!sections || section_head(text)))
			keep = put_line(s, text, (size_t)size, sections);
		else if (keep)
			output_put(&s->out, text, (size_t)size);
	}
	return size;
}

long write_maps(struct snapshot *s)
{
	return copy_own(s, false);
}

long write_smaps(struct snapshot *s)
{
	return copy_own(s, true);
}

/* "200002000000 default anon=3 …": no end, and no name from which those that every process has could be known. */
long write_numa_maps(struct snapshot *s)
{
	struct own_piece piece;
	bool keep = false;
	char *text;
	long size;

	while ((size = lines_next(&s->in, &text)) > 0) {
		if (s->in.begins) {
			const char *at = text;
			uintptr_t start = text_hex(&at);
			keep = start < POOL_END && own_piece(&s->areas, start, start + TULOU_PAGE_SIZE, false, &piece);
		}
		if (keep)
			output_put(&s->out, text, (size_t)size);
	}
	return size;
}

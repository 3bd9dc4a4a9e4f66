/* SPDX-License-Identifier: MIT */
/*
 * rollup.c - smaps_rollup: the sections of smaps that are the process's, added up.
 *
 * smaps says less than the kernel adds up: its Pss is rounded down to KiB in each section, and is not divided by kind of page.
 * A section's Pss is counted as Pss_Shmem, or as Pss_Anon as far as it has anonymous pages, the rest as Pss_File.
 */
#include "runtime/procfs/procfs.h"

#include <linux/fcntl.h>

#include "base/mem.h"
#include "runtime/layout.h"
#include "runtime/text.h"

enum { KEY_SIZE = 24, SUM_COUNT = 40 };

/* In the kernel's order, and only what this kernel shows. */
struct sum {
	char key[KEY_SIZE]; /* "Rss:" */
	uint64_t kib;
};

struct rollup {
	struct sum sums[SUM_COUNT];
	size_t count;
	uintptr_t start, end;
	bool any;
	/* the section that is being read */
	bool own, shared_memory;
	uint64_t pss, anonymous;
};

static struct sum *sum_of(struct rollup *r, const char *key)
{
	for (size_t i = 0; i < r->count; i++)
		if (text_equal(r->sums[i].key, key))
			return &r->sums[i];
	return NULL;
}

/* "Rss:     12 kB": the key with its colon; NULL when it is too long or there is none. */
static const char *split(const char *text, char *key)
{
	for (size_t i = 0; i < KEY_SIZE - 1; i++) {
		key[i] = text[i];
		if (text[i] == '\n' || text[i] == ' ')
			return NULL;
		if (text[i] != ':')
			continue;
		key[i + 1] = 0;
		for (text += i + 1; *text == ' '; text++)
			;
		return text;
	}
	return NULL;
}

/* The keys, from the kernel's own rollup. */
static long take_keys(struct rollup *r, struct lines *in)
{
	char *text;
	long size;

	while ((size = lines_next(in, &text)) > 0) {
		struct sum *sum = &r->sums[r->count];
		if (*text >= 'A' && *text <= 'Z' && r->count < SUM_COUNT && split(text, sum->key)) {
			sum->kib = 0;
			r->count++;
		}
	}
	return size;
}

static void add(struct rollup *r, const char *key, uint64_t kib)
{
	struct sum *sum = sum_of(r, key);
	if (sum)
		sum->kib += kib;
}

static void section_end(struct rollup *r)
{
	uint64_t anonymous = r->anonymous < r->pss ? r->anonymous : r->pss;

	if (!r->own)
		return;
	add(r, "Pss_Anon:", anonymous);
	add(r, r->shared_memory ? "Pss_Shmem:" : "Pss_File:", r->pss - anonymous);
}

static void section_begin(struct rollup *r, struct snapshot *s, const struct map_line *line)
{
	struct own_piece piece;

	section_end(r);
	r->pss = r->anonymous = 0;
	r->own = line->start >= POOL_END ? map_common(s->process, line->name, line->start, line->end) &&
						   !(line->name && text_after(line->name, "[vsyscall]"))
					 : own_piece(&s->areas, line->start, line->end, false, &piece);
	if (!r->own)
		return;
	/* Shared memory: memfd, /dev/shm, SysV and shared anonymous memory, by their names. */
	r->shared_memory = line->name && (text_after(line->name, "/dev/zero (deleted)") || text_after(line->name, "/dev/shm/") ||
						 text_after(line->name, "/memfd:") || text_after(line->name, "/SYSV"));
	r->start = r->any ? r->start : line->start;
	r->end = line->end;
	r->any = true;
}

static void section_line(struct rollup *r, const char *text)
{
	char key[KEY_SIZE];
	const char *value = r->own ? split(text, key) : NULL;
	uint64_t kib;

	if (!value || *value < '0' || *value > '9')
		return;
	kib = text_decimal(&value);
	add(r, key, kib);
	if (text_equal(key, "Pss:"))
		r->pss = kib;
	else if (text_equal(key, "Anonymous:"))
		r->anonymous = kib;
}

static long add_sections(struct rollup *r, struct snapshot *s)
{
	struct map_line line;
	char *text;
	long size;

	while ((size = lines_next(&s->in, &text)) > 0) {
		if (!s->in.begins)
			continue;
		if (map_line_parse(text, (size_t)size, &line))
			section_begin(r, s, &line);
		else
			section_line(r, text);
	}
	section_end(r);
	return size;
}

static void print(const struct rollup *r, struct output *out)
{
	size_t column = output_print(out, "%08lx-%08lx ---p 00000000 00:00 0 ", r->start, r->end);

	for (; column < MAP_NAME_COLUMN; column++)
		output_put(out, " ", 1);
	output_put(out, "[rollup]\n", 9);
	for (size_t i = 0; i < r->count; i++)
		output_print(out, "%-16s%8lu kB\n", r->sums[i].key, (unsigned long)r->sums[i].kib);
}

long write_smaps_rollup(struct snapshot *s)
{
	struct rollup r = {.count = 0};
	long result = take_keys(&r, &s->in), from;

	if (result < 0)
		return result;
	from = sys4(__NR_openat, AT_FDCWD, (long)"/proc/thread-self/smaps", O_RDONLY | O_CLOEXEC, 0);
	if (from < 0)
		return from;
	lines_init(&s->in, (int)from);
	result = add_sections(&r, s);
	sys1(__NR_close, from);
	if (result >= 0)
		print(&r, &s->out);
	return result;
}

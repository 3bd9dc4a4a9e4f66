/* SPDX-License-Identifier: MIT */
/*
 * chart.c - the chart of the pool, alive: the boxes of the design, with what is in them now.
 *
 *     VM manager ─┬─ chunks (in use) ─┬─ multi VMA chunk: VMAs (in use), free
 *                 │                   └─ single VMA chunk: its VMA
 *                 └─ free
 *
 * A small pool is drawn as boxes with every area; a larger one as a table with a line per chunk, where neighbouring single-VMA
 * chunks of one owner share a line. Snapshots are taken in batches under the pool's lock, since `put` must not run under it.
 * A batch begins behind the last one: chunks that change meanwhile are seen as they were or as they are, never twice.
 */
#include "chart_line.h"
#include "text.h"

#include "base/format.h"
#include "vm/pool.h"

enum { CHART_CHUNKS = 8, CHART_AREAS = 48, CHART_TABLE_LINES = 2000 };

/* What is kept of an area: a batch of them must fit on a small stack. */
struct chart_area {
	uintptr_t start, end;
	uint64_t dev, ino;
	uint32_t process;
	uint8_t kind, prot;
	bool shared, anonymous;
};

struct chart_snapshot {
	uintptr_t from; /* chunks below are done */
	unsigned chunk_count, area_count;
	bool more; /* it did not fit */
	struct tulou_chunk_info chunks[CHART_CHUNKS];
	struct chart_area areas[CHART_AREAS];
};

static int chart_collect_chunk(void *arg, const struct tulou_chunk_info *chunk)
{
	struct chart_snapshot *s = arg;

	if (chunk->start < s->from)
		return 0;
	if (s->chunk_count == CHART_CHUNKS)
		return s->more = true;
	s->chunks[s->chunk_count++] = *chunk;
	return 0;
}

static int chart_collect_area(void *arg, const struct tulou_area_info *area)
{
	struct chart_snapshot *s = arg;

	if (s->area_count == CHART_AREAS)
		return s->more = true;
	s->areas[s->area_count++] = (struct chart_area){.start = area->start,
		.end = area->end,
		.dev = area->dev,
		.ino = area->ino,
		.process = area->process,
		.kind = (uint8_t)area->kind,
		.prot = (uint8_t)area->prot,
		.shared = area->flags & TULOU_MAP_SHARED,
		.anonymous = area->flags & TULOU_MAP_ANONYMOUS};
	return 0;
}

/* ---- pieces of lines ------------------------------------------------------------------------------------------------------- */

static void chart_size(struct chart *c, size_t size)
{
	char text[16];

	text_size(text, size);
	chart_text(c, "%s", text);
}

/* Sizes stand in columns, to the right. */
static void chart_size_right(struct chart *c, size_t size)
{
	char text[16];

	text_size(text, size);
	chart_text(c, "%10s", text);
}

static void chart_range(struct chart *c, uintptr_t start, uintptr_t end)
{
	chart_text(c, "0x%012lx-0x%012lx", start, end);
}

/* Ids as far as there is room, then how many more. */
static void chart_owners(struct chart *c, const struct tulou_chunk_info *chunk, unsigned room)
{
	enum { ID_WIDTH = 11, REST_WIDTH = 6 };
	unsigned shown = 0, end = c->columns + room;

	while (shown < chunk->owner_count && shown < TULOU_OWNERS_SHOWN) {
		char id[ID_WIDTH + 1];
		size_t length = format(id, sizeof(id), shown ? " %u" : "%u", chunk->owners[shown]);

		if (c->columns + length + (shown + 1 < chunk->owner_count ? REST_WIDTH : 0) > end)
			break;
		chart_text(c, "%s", id);
		shown++;
	}
	if (shown < chunk->owner_count)
		chart_text(c, " +%u", chunk->owner_count - shown);
}

static void chart_plural(struct chart *c, size_t count, const char *what)
{
	chart_text(c, count == 1 ? "%zu %s" : "%zu %ss", count, what);
}

static void chart_blank(struct chart *c)
{
	chart_line_begin(c);
	chart_line_end(c);
}

/* ---- heading and free space of the pool ------------------------------------------------------------------------------------ */

static void chart_head(struct chart *c, const struct tulou_stats *stats, struct range pool)
{
	chart_line_begin(c);
	chart_text(c, "pool ");
	chart_range(c, pool.start, pool.end);
	chart_text(c, ", ");
	chart_size(c, stats->pool_size);
	chart_line_end(c);
	chart_line_begin(c);
	chart_plural(c, stats->process_count, "process VM");
	chart_text(c, ", ");
	chart_plural(c, stats->chunk_count[TULOU_CHUNK_MULTI], "multi VMA chunk");
	chart_text(c, ", ");
	chart_plural(c, stats->chunk_count[TULOU_CHUNK_SINGLE], "single VMA chunk");
	chart_text(c, ", ");
	chart_plural(c, stats->area_count, "VMA");
	chart_line_end(c);
	chart_line_begin(c);
	chart_size(c, stats->used);
	chart_text(c, " in VMAs, books ");
	chart_size(c, stats->books);
	if (stats->limbo) {
		chart_text(c, ", limbo ");
		chart_size(c, stats->limbo);
	}
	chart_line_end(c);
	chart_blank(c);
}

static void chart_free(struct chart *c, const struct tulou_stats *stats)
{
	chart_box_open(c, "free");
	chart_line_begin(c);
	chart_size(c, stats->pool_free);
	chart_text(c, " in no chunk");
	chart_tab_right(c, CHART_BAR_WIDTH);
	chart_bar(c, stats->pool_free, stats->pool_size);
	chart_line_end(c);
	chart_box_close(c);
}

/* ---- a small pool: boxes --------------------------------------------------------------------------------------------------- */

static void chart_area(struct chart *c, const struct chart_area *area)
{
	int flags = (area->shared ? TULOU_MAP_SHARED : TULOU_MAP_PRIVATE) | (area->anonymous ? TULOU_MAP_ANONYMOUS : 0);
	const char *name = text_name(area->kind, flags);
	char perms[5];

	text_perms(perms, area->prot, flags);
	chart_line_begin(c);
	chart_range(c, area->start, area->end);
	chart_size_right(c, area->end - area->start);
	chart_text(c, "  %s  %-8u  ", perms, area->process);
	if (area->kind == TULOU_AREA_RESERVED)
		name = "(reserved)";
	else if (area->kind == TULOU_AREA_LIMBO)
		name = "(limbo)";
	else if (area->kind == TULOU_AREA_ROOM || area->kind == TULOU_AREA_BARRIER)
		name = "(room)";
	else if (area->kind == TULOU_AREA_KEPT)
		name = "(kept)";
	if (*name)
		chart_text(c, "%s", name);
	else if (!area->anonymous)
		chart_text(c, "file %02x:%02x %lu", text_dev_major(area->dev), text_dev_minor(area->dev), area->ino);
	chart_line_end(c);
}

static void chart_areas(struct chart *c, const struct chart_snapshot *s, const struct tulou_chunk_info *chunk)
{
	for (unsigned i = 0; i < s->area_count; i++) {
		if (s->areas[i].start >= chunk->start && s->areas[i].start < chunk->end)
			chart_area(c, &s->areas[i]);
	}
}

static void chart_chunk_free(struct chart *c, const struct tulou_chunk_info *chunk)
{
	chart_box_open(c, "free");
	chart_line_begin(c);
	chart_size(c, chunk->free);
	chart_text(c, " between VMAs, the largest ");
	chart_size(c, chunk->largest_free);
	chart_line_end(c);
	chart_box_close(c);
}

static void chart_chunk(struct chart *c, const struct chart_snapshot *s, const struct tulou_chunk_info *chunk)
{
	chart_box_open(c, chunk->kind == TULOU_CHUNK_MULTI ? "Multi VMA chunk" : "Single VMA chunk");
	chart_line_begin(c);
	chart_range(c, chunk->start, chunk->end);
	chart_size_right(c, chunk->end - chunk->start);
	chart_text(c, "  of ");
	chart_owners(c, chunk, chart_room(c) - CHART_BAR_WIDTH - 1);
	chart_tab_right(c, CHART_BAR_WIDTH);
	chart_bar(c, chunk->used, chunk->end - chunk->start);
	chart_line_end(c);
	chart_box_open(c, chunk->kind == TULOU_CHUNK_MULTI ? "VMAs (in use)" : "VMA");
	chart_areas(c, s, chunk);
	chart_box_close(c);
	if (chunk->kind == TULOU_CHUNK_MULTI)
		chart_chunk_free(c, chunk);
	chart_box_close(c);
}

static void chart_boxes(struct chart *c, const struct chart_snapshot *s)
{
	for (unsigned i = 0; i < s->chunk_count; i++)
		chart_chunk(c, s, &s->chunks[i]);
}

/* ---- a large pool: a table ------------------------------------------------------------------------------------------------- */

struct chart_table {
	struct tulou_chunk_info line; /* the neighbours that were joined, not yet put out */
	unsigned joined, lines;
	size_t shown; /* chunks */
};

static void chart_table_head(struct chart *c)
{
	chart_line_begin(c);
	chart_text(c, "kind   start              size   VMAs      free  used");
	chart_tab(c, 78);
	chart_text(c, "of");
	chart_line_end(c);
}

/* `count` neighbours of one kind and owner as one line. */
static void chart_table_line(struct chart *c, const struct tulou_chunk_info *chunk, unsigned count)
{
	chart_line_begin(c);
	chart_text(c, chunk->kind == TULOU_CHUNK_MULTI ? "multi  " : "single ");
	chart_text(c, "0x%012lx", chunk->start);
	chart_size_right(c, chunk->used + chunk->free);
	chart_text(c, "%7zu", chunk->area_count);
	chart_size_right(c, chunk->free);
	chart_text(c, "  ");
	chart_bar(c, chunk->used, chunk->used + chunk->free);
	chart_text(c, "  ");
	chart_owners(c, chunk, chart_room(c));
	if (count > 1)
		chart_text(c, " (%u)", count);
	chart_line_end(c);
}

static bool chart_table_joins(const struct tulou_chunk_info *line, const struct tulou_chunk_info *next)
{
	return line->kind == TULOU_CHUNK_SINGLE && next->kind == TULOU_CHUNK_SINGLE && line->owner_count == next->owner_count &&
	       line->owners[0] == next->owners[0];
}

static void chart_table_join(struct chart_table *t, const struct tulou_chunk_info *next)
{
	t->line.end = next->end;
	t->line.area_count += next->area_count;
	t->line.used += next->used;
	t->line.free += next->free;
	t->joined++;
}

static void chart_table_flush(struct chart *c, struct chart_table *t)
{
	if (t->joined == 0)
		return;
	chart_table_line(c, &t->line, t->joined);
	t->lines++;
	t->joined = 0;
}

static void chart_table_batch(struct chart *c, struct chart_table *t, struct chart_snapshot *s)
{
	for (unsigned i = 0; i < s->chunk_count; i++) {
		const struct tulou_chunk_info *chunk = &s->chunks[i];

		s->from = chunk->end;
		if (t->joined && chart_table_joins(&t->line, chunk)) {
			chart_table_join(t, chunk);
			continue;
		}
		chart_table_flush(c, t);
		t->line = *chunk;
		t->joined = 1;
	}
	t->shown += s->chunk_count;
}

static void chart_table(struct chart *c, struct tulou *pool, struct chart_snapshot *s, size_t chunk_count)
{
	struct chart_table t = {.joined = 0};

	chart_table_head(c);
	do {
		s->chunk_count = 0;
		s->more = false;
		tulou_walk_chunks(pool, chart_collect_chunk, s);
		chart_table_batch(c, &t, s);
	} while (s->more && t.lines < CHART_TABLE_LINES);
	chart_table_flush(c, &t);
	if (s->more && chunk_count > t.shown) {
		chart_line_begin(c);
		chart_text(c, "and %zu more", chunk_count - t.shown);
		chart_line_end(c);
	}
}

void tulou_chart(struct tulou *pool, void (*put)(void *arg, const char *text, size_t size), void *arg)
{
	struct chart c = {.put = put, .arg = arg};
	struct chart_snapshot s = {.from = 0};
	struct tulou_stats stats;

	tulou_stats(pool, &stats);
	tulou_walk_chunks(pool, chart_collect_chunk, &s);
	if (!s.more)
		tulou_walk_areas(pool, chart_collect_area, &s);
	chart_box_open(&c, "VM manager");
	chart_head(&c, &stats, pool->range);
	chart_box_open(&c, "Chunks (in use)");
	if (s.more)
		chart_table(&c, pool, &s, stats.chunk_count[TULOU_CHUNK_SINGLE] + stats.chunk_count[TULOU_CHUNK_MULTI]);
	else
		chart_boxes(&c, &s);
	chart_box_close(&c);
	chart_free(&c, &stats);
	chart_box_close(&c);
}

/* SPDX-License-Identifier: MIT */
/*
 * chart_line.h - lines of exactly CHART_WIDTH columns inside nested boxes. Knows columns, not bytes: the box characters take
 * three bytes and one column each.
 *
 *     depth 0   ┌─ title ──────┐            chart_box_open(c, "title")
 *     depth 1   │ text         │            chart_line_begin, chart_text …, chart_line_end
 *     depth 0   └──────────────┘            chart_box_close
 */
#ifndef TULOU_INSPECT_CHART_LINE_H
#define TULOU_INSPECT_CHART_LINE_H

#include <tulou/inspect.h>

enum { CHART_WIDTH = 100, CHART_BAR_CELLS = 20, CHART_BAR_WIDTH = CHART_BAR_CELLS + 6 };

struct chart {
	void (*put)(void *arg, const char *text, size_t size);
	void *arg;
	unsigned depth; /* boxes around the current line */
	unsigned columns; /* of the current line */
	size_t size; /* bytes of the current line */
	char line[3 * CHART_WIDTH + 8];
};

void chart_line_begin(struct chart *c);
/* ASCII only. What does not fit is cut. */
void chart_text(struct chart *c, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* One character of one column. */
void chart_glyph(struct chart *c, const char *utf8);
/* Spaces up to column `column` of the innermost box. */
void chart_tab(struct chart *c, unsigned column);
/* Spaces until `room` columns are left in the innermost box. */
void chart_tab_right(struct chart *c, unsigned room);
/* Columns between here and the right border of the innermost box. */
unsigned chart_room(const struct chart *c);
void chart_line_end(struct chart *c);
void chart_box_open(struct chart *c, const char *title);
void chart_box_close(struct chart *c);
/* ████████░░░░░░░░░░░░  40 %: CHART_BAR_WIDTH columns */
void chart_bar(struct chart *c, size_t used, size_t size);

#endif

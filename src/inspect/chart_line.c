/* SPDX-License-Identifier: MIT */
/* chart_line.c - lines and boxes of fixed width, put out line by line. */
#include "chart_line.h"

#include "base/format.h"

void chart_glyph(struct chart *c, const char *utf8)
{
	if (c->columns == CHART_WIDTH)
		return;
	while (*utf8)
		c->line[c->size++] = *utf8++;
	c->columns++;
}

unsigned chart_room(const struct chart *c)
{
	unsigned border = CHART_WIDTH - 2 * c->depth;

	return c->columns < border ? border - c->columns : 0;
}

void chart_text(struct chart *c, const char *text, ...)
{
	char buffer[CHART_WIDTH + 1];
	va_list args;

	va_start(args, text);
	format_list(buffer, sizeof(buffer), text, args);
	va_end(args);
	for (const char *at = buffer; *at && chart_room(c) > 0; at++)
		chart_glyph(c, (char[2]){*at, '\0'});
}

void chart_tab(struct chart *c, unsigned column)
{
	while (c->columns < 2 * c->depth + column && chart_room(c) > 0)
		chart_glyph(c, " ");
}

void chart_line_begin(struct chart *c)
{
	c->size = 0;
	c->columns = 0;
	for (unsigned i = 0; i < c->depth; i++) {
		chart_glyph(c, "│");
		chart_glyph(c, " ");
	}
}

void chart_tab_right(struct chart *c, unsigned room)
{
	while (chart_room(c) > room)
		chart_glyph(c, " ");
}

/* Fill up with `fill`, end with `corner`, close the boxes around. */
static void chart_finish(struct chart *c, const char *fill, const char *corner)
{
	while (chart_room(c) > (unsigned)(*corner != '\0'))
		chart_glyph(c, fill);
	if (*corner)
		chart_glyph(c, corner);
	for (unsigned i = 0; i < c->depth; i++) {
		chart_glyph(c, " ");
		chart_glyph(c, "│");
	}
	c->line[c->size++] = '\n';
	c->put(c->arg, c->line, c->size);
}

void chart_line_end(struct chart *c)
{
	chart_finish(c, " ", "");
}

void chart_box_open(struct chart *c, const char *title)
{
	chart_line_begin(c);
	chart_glyph(c, "┌");
	chart_glyph(c, "─");
	chart_text(c, " %s ", title);
	chart_finish(c, "─", "┐");
	c->depth++;
}

void chart_box_close(struct chart *c)
{
	c->depth--;
	chart_line_begin(c);
	chart_glyph(c, "└");
	chart_finish(c, "─", "┘");
}

void chart_bar(struct chart *c, size_t used, size_t size)
{
	enum { CELLS = CHART_BAR_CELLS };
	size_t full = used / (size / CELLS ? size / CELLS : 1), percent = used / (size / 100 ? size / 100 : 1);

	full = used >= size ? CELLS : full >= CELLS ? CELLS - 1 : full == 0 && used > 0 ? 1 : full;
	percent = used >= size ? 100 : percent >= 100 ? 99 : percent;
	for (size_t i = 0; i < CELLS; i++)
		chart_glyph(c, i < full ? "█" : "░");
	if (percent == 0 && used > 0)
		chart_text(c, "  <1 %%");
	else
		chart_text(c, " %3zu %%", percent);
}

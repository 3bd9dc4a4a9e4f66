/* SPDX-License-Identifier: MIT */
/* plot.c - bench.svg: time against N, both logarithmic; a line per workload, dashed for the kernel's first row. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { LEFT = 70, TOP = 30, WIDTH = 640, HEIGHT = 460, LEGEND = LEFT + WIDTH + 20, N_DECADES = 7, NS_DECADES = 5 };

static const char *const colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#e377c2",
	"#7f7f7f", "#bcbd22", "#003f5c", "#58508d", "#bc5090", "#ff6361", "#ffa600", "#2f4b7c"};

/* N from 1 to 10^7, time from 1 ns to 10^5 ns. */
static double x_of(size_t n)
{
	return LEFT + log10((double)n) / N_DECADES * WIDTH;
}

static double y_of(double ns)
{
	return TOP + HEIGHT - fmax(0, fmin(log10(fmax(ns, 1)), NS_DECADES)) / NS_DECADES * HEIGHT;
}

static void axes_write(FILE *file)
{
	for (int decade = 0; decade <= N_DECADES; decade++) {
		double x = LEFT + (double)decade / N_DECADES * WIDTH;

		fprintf(file, "<path d='M%.1f %dV%d' stroke='#ddd'/><text x='%.1f' y='%d' text-anchor='middle'>%.0f</text>\n", x,
			TOP, TOP + HEIGHT, x, TOP + HEIGHT + 18, pow(10, decade));
	}
	for (int decade = 0; decade <= NS_DECADES; decade++) {
		double y = y_of(pow(10, decade));

		fprintf(file, "<path d='M%d %.1fH%d' stroke='#ddd'/><text x='%d' y='%.1f' text-anchor='end'>%.0f ns</text>\n",
			LEFT, y, LEFT + WIDTH, LEFT - 8, y + 4, pow(10, decade));
	}
	fprintf(file, "<text x='%d' y='%d' text-anchor='middle'>N: areas mapped</text>\n", LEFT + WIDTH / 2, TOP + HEIGHT + 38);
}

static void curve_write(FILE *file, const struct report *report, const char *curve, bool kernel, unsigned number)
{
	const char *colour = colours[number % (sizeof(colours) / sizeof(colours[0]))];
	char command = 'M';

	fprintf(file, "<path fill='none' stroke='%s' stroke-width='2'%s d='", colour, kernel ? " stroke-dasharray='6 4'" : "");
	for (unsigned i = 0; i < report->count; i++) {
		const struct row *row = &report->rows[i];
		double value = kernel ? row->kernel : row->value;

		if (!row->curve || strcmp(row->curve, curve) || isnan(value))
			continue;
		fprintf(file, "%c%.1f %.1f", command, x_of(row->n), y_of(value));
		command = 'L';
	}
	fprintf(file, "'/>\n<path d='M%d %dh24' stroke='%s' stroke-width='2'%s/><text x='%d' y='%d'>%s%s</text>\n", LEGEND,
		TOP + 10 + 20 * (int)number, colour, kernel ? " stroke-dasharray='6 4'" : "", LEGEND + 30,
		TOP + 14 + 20 * (int)number, curve, kernel ? ": the kernel" : "");
}

bool plot_write(const struct report *report, const char *path)
{
	FILE *file = fopen(path, "w");
	unsigned number = 0;
	bool good;

	if (!file)
		return false;
	fprintf(file,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='12'>\n"
		"<rect width='100%%' height='100%%' fill='white'/>\n<text x='%d' y='18'>%s, commit %s</text>\n",
		LEGEND + 260, TOP + HEIGHT + 60, LEFT, report->machine, report->commit);
	axes_write(file);
	for (unsigned i = 0; i < report->count; i++) {
		const char *curve = report->rows[i].curve;
		bool seen = !curve;

		for (unsigned before = 0; before < i && !seen; before++)
			seen = report->rows[before].curve && !strcmp(report->rows[before].curve, curve);
		if (seen)
			continue;
		curve_write(file, report, curve, false, number++);
		if (number == 1)
			curve_write(file, report, curve, true, number++);
	}
	fputs("</svg>\n", file);
	good = !ferror(file);
	return !fclose(file) && good;
}

/* SPDX-License-Identifier: MIT */
/* table.c - the table for people: one line per figure, with the kernel and the goal beside it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const char *number(char *text, size_t size, double value)
{
	if (isnan(value))
		snprintf(text, size, "-");
	else
		snprintf(text, size, value < 100 ? "%.1f" : "%.0f", value);
	return text;
}

static const char *count(char *text, size_t size, size_t n)
{
	if (n >= 1000000 && n % 1000000 == 0)
		snprintf(text, size, "%zuM", n / 1000000);
	else if (n >= 1000 && n % 1000 == 0)
		snprintf(text, size, "%zuk", n / 1000);
	else
		snprintf(text, size, "%zu", n);
	return text;
}

static void row_print(const struct row *row, bool again)
{
	char n[24], value[32], least[32], kernel[32], goal[32], ratio[32];
	bool missed = row->value > row->goal;

	printf("| %-50s | %5s | %8s | %8s | %8s | %6s | %8s | %-6s |\n", again ? "" : row->workload, count(n, sizeof(n), row->n),
		number(value, sizeof(value), row->value), number(least, sizeof(least), row->min),
		number(kernel, sizeof(kernel), row->kernel), number(ratio, sizeof(ratio), row->kernel / row->value),
		number(goal, sizeof(goal), row->goal),
		isnan(row->goal) ? ""
		: missed         ? "missed"
				 : "met");
}

/* Rows of one workload stand together, whatever the order of the runs. */
void table_print(const struct report *report)
{
	unsigned met = 0, goals = 0;

	printf("machine: %s\ncommit: %s\n", report->machine, report->commit);
	printf("part A: nanoseconds of CPU time per operation, pinned, median of blocks (bytes where it says so)\n\n");
	printf("| %-50s | %5s | %8s | %8s | %8s | %6s | %8s | %-6s |\n", "workload", "N", "now", "least", "kernel", "ratio",
		"goal", "");
	printf("|---|---|---|---|---|---|---|---|\n");
	for (unsigned first = 0; first < report->count; first++) {
		const char *workload = report->rows[first].workload;
		bool seen = false;

		for (unsigned i = 0; i < first && !seen; i++)
			seen = !strcmp(report->rows[i].workload, workload);
		for (unsigned i = first; i < report->count && !seen; i++)
			if (!strcmp(report->rows[i].workload, workload))
				row_print(&report->rows[i], i != first);
	}
	for (unsigned i = 0; i < report->count; i++) {
		goals += !isnan(report->rows[i].goal);
		met += report->rows[i].value <= report->rows[i].goal;
	}
	printf("\n%u of %u goals met\n", met, goals);
	for (unsigned i = 0; i < report->skipped_count; i++)
		printf("skipped: %s\n", report->skipped[i]);
}

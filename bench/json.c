/* SPDX-License-Identifier: MIT */
/* json.c - bench.json: {"machine", "commit", "rows": [{"part", "workload", "n", "unit", "value", "kernel", "goal", "min"}]}. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "bench.h"

/* null where there is nothing to say; a tenth is more than can be measured. */
static void add_number(cJSON *object, const char *name, double value)
{
	if (isnan(value))
		cJSON_AddNullToObject(object, name);
	else
		cJSON_AddNumberToObject(object, name, round(value * 10) / 10);
}

static cJSON *row_json(const struct row *row)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "part", "A");
	cJSON_AddStringToObject(object, "workload", row->workload);
	cJSON_AddNumberToObject(object, "n", (double)row->n);
	cJSON_AddStringToObject(object, "unit", row->unit);
	add_number(object, "value", row->value);
	add_number(object, "kernel", row->kernel);
	add_number(object, "goal", row->goal);
	add_number(object, "min", row->min);
	return object;
}

bool json_write(const struct report *report, const char *path)
{
	cJSON *root = cJSON_CreateObject(), *rows;
	char *text;
	FILE *file;
	bool good;

	cJSON_AddStringToObject(root, "machine", report->machine);
	cJSON_AddStringToObject(root, "commit", report->commit);
	rows = cJSON_AddArrayToObject(root, "rows");
	for (unsigned i = 0; i < report->count; i++)
		cJSON_AddItemToArray(rows, row_json(&report->rows[i]));
	text = cJSON_Print(root);
	cJSON_Delete(root);
	file = text ? fopen(path, "w") : NULL;
	good = file && fputs(text, file) >= 0 && fputc('\n', file) != EOF;
	if (file && fclose(file))
		good = false;
	cJSON_free(text);
	return good;
}

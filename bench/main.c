/* SPDX-License-Identifier: MIT */
/*
 * main.c - tulou_bench [--short] [--part A] [--only SCENE [--n N]] [--out DIRECTORY] [--commit NAME]
 *
 * Runs each scene for each N, on each side in a child process of its own, and writes the table to stdout, bench.json and bench.svg
 * into DIRECTORY. A figure that could not be measured is said to be skipped, and makes the exit status 1 when its child failed.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

struct options {
	bool brief;
	const char *out, *commit;
	const char *only; /* NULL: all scenes */
	size_t n; /* 0: all */
};

static const struct scene *const scenes[] = {&scene_holes, &scene_no_holes, &scene_one_chunk, &scene_singles, &scene_exit,
	&scene_exit_aged, &scene_unmap_all, &scene_threads, &scene_books, &scene_books_holes, &scene_books_spread, &scene_huge};

void bench_die(const char *what, long error)
{
	fprintf(stderr, "bench: %s: error %ld (%s)\n", what, -error, strerror((int)-error));
	_exit(1);
}

/* Not malloc: on the kernel's side, what malloc maps would be one of the areas. Never given back: children end soon. */
void *bench_alloc(size_t size)
{
	void *memory =
		mmap(NULL, size + TULOU_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		bench_die("no memory", -TULOU_ENOMEM);
	return memory;
}

/* The number that a file of /proc begins with, or that stands behind `key`. */
static size_t proc_number(const char *path, const char *key)
{
	char line[256];
	size_t number = 0;
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), "%zu", &number) == 1)
			break;
	if (file)
		fclose(file);
	return number;
}

static void machine_name(char *name, size_t size)
{
	char line[256], processor[128] = "?";
	struct utsname system;
	FILE *file = fopen("/proc/cpuinfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %127[^\n]", processor) == 1)
			break;
	if (file)
		fclose(file);
	uname(&system);
	snprintf(name, size, "%s, %u processors, %zu MiB, %s %s", processor, measure_processors(),
		proc_number("/proc/meminfo", "MemTotal:") / 1024, system.sysname, system.release);
}

static __attribute__((format(printf, 2, 3))) void report_skip(struct report *report, const char *format, ...)
{
	va_list arguments;

	if (report->skipped_count == sizeof(report->skipped) / sizeof(report->skipped[0]))
		return;
	va_start(arguments, format);
	vsnprintf(report->skipped[report->skipped_count++], sizeof(report->skipped[0]), format, arguments);
	va_end(arguments);
}

/* Run one scene on one side; `out` is shared with the child. False: it failed. */
static bool child_run(const struct scene *scene, struct job *job)
{
	int status;
	pid_t child;

	for (unsigned i = 0; i < FIGURES_MAX; i++)
		job->out[i] = (struct sample){NAN, NAN};
	fflush(NULL);
	child = fork();
	if (!child) {
		measure_pin(measure_processors() - 1);
		scene->run(job);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static void report_add(
	struct report *report, const struct scene *scene, size_t n, const struct sample *tulou, const struct sample *kernel)
{
	for (const struct figure *figure = scene->figures; figure < scene->figures + FIGURES_MAX && figure->workload; figure++) {
		size_t i = (size_t)(figure - scene->figures);
		double reference = figure->reference < 0 ? NAN : tulou[figure->reference].median;

		if (isnan(tulou[i].median))
			continue;
		if (report->count == sizeof(report->rows) / sizeof(report->rows[0])) {
			report_skip(report, "%s, N = %zu: no room in the report", figure->workload, n);
			continue;
		}
		report->rows[report->count++] = (struct row){
			.workload = figure->workload,
			.unit = figure->unit,
			.curve = figure->curve,
			.n = n,
			.value = tulou[i].median,
			.min = tulou[i].min,
			.kernel = figure->no_kernel ? NAN : kernel[i].median,
			.goal = figure->goal ? figure->goal(n, reference) : NAN,
		};
	}
}

/* One scene with one N; false if a child failed. */
static bool scene_run(struct report *report, const struct scene *scene, size_t n, const struct options *options)
{
	struct sample *out =
		mmap(NULL, 2 * FIGURES_MAX * sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct job job = {.n = n, .blocks = options->brief ? 3 : 15, .out = out};
	size_t maps = proc_number("/proc/sys/vm/max_map_count", "");
	bool good;

	if (out == MAP_FAILED)
		return false;
	if (!options->brief)
		fprintf(stderr, "bench: %s, N = %zu\n", scene->name, n);
	job.side = &tulou_side;
	job.operations = options->brief ? 200 : 2000;
	good = child_run(scene, &job);
	if (!good)
		report_skip(report, "%s, N = %zu: Tulou's side failed", scene->name, n);
	for (unsigned i = 0; i < FIGURES_MAX; i++)
		out[FIGURES_MAX + i] = (struct sample){NAN, NAN};
	job.side = &kernel_side;
	job.operations = options->brief ? 100 : 300;
	job.out = out + FIGURES_MAX;
	if (scene->kernel_maps && scene->kernel_maps * n + 1000 > maps) {
		report_skip(report, "%s, N = %zu: the kernel's side needs vm.max_map_count above %zu", scene->name, n,
			scene->kernel_maps * n + 1000);
	} else if (scene->kernel_maps && !child_run(scene, &job)) {
		report_skip(report, "%s, N = %zu: the kernel's side failed", scene->name, n);
		good = false;
	}
	report_add(report, scene, n, out, out + FIGURES_MAX);
	munmap(out, 2 * FIGURES_MAX * sizeof(*out));
	return good;
}

static bool is_wanted(const struct options *options, const struct scene *scene, size_t n)
{
	if (options->only && strcmp(options->only, scene->name))
		return false;
	return options->n ? n == options->n : !options->brief || n <= 1000;
}

static bool scenes_run(struct report *report, const struct options *options)
{
	bool good = true;

	if (measure_processors() < 2)
		report_skip(report, "threads: one processor only");
	for (size_t s = 0; s < sizeof(scenes) / sizeof(scenes[0]); s++)
		for (unsigned i = 0; i < COUNTS_MAX && scenes[s]->counts[i]; i++) {
			size_t n = scenes[s]->counts[i];

			if (!is_wanted(options, scenes[s], n))
				continue;
			if (scenes[s]->books * n / KIB > proc_number("/proc/meminfo", "MemAvailable:") / 2)
				report_skip(report, "%s, N = %zu: %zu MiB would be more than half of the free memory",
					scenes[s]->name, n, scenes[s]->books * n / MIB);
			else
				good &= scene_run(report, scenes[s], n, options);
		}
	return good;
}

static int usage(void)
{
	fputs("usage: tulou_bench [--short] [--part A] [--only SCENE [--n N]] [--out DIRECTORY] [--commit NAME]\n", stderr);
	return 2;
}

static bool write_all(const struct report *report, const char *directory)
{
	char path[4096];
	bool good;

	snprintf(path, sizeof(path), "%s/bench.json", directory);
	good = json_write(report, path);
	printf("%s %s\n", good ? "wrote" : "could not write", path);
	snprintf(path, sizeof(path), "%s/bench.svg", directory);
	if (!plot_write(report, path))
		good = false;
	else
		printf("wrote %s\n", path);
	return good;
}

int main(int argc, char **argv)
{
	static struct report report;
	struct options options = {.out = ".", .commit = "?"};
	bool good;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--short"))
			options.brief = true;
		else if (!strcmp(argv[i], "--part") && i + 1 < argc && !strcmp(argv[i + 1], "A"))
			i++;
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			options.only = argv[++i];
		else if (!strcmp(argv[i], "--n") && i + 1 < argc)
			options.n = strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--out") && i + 1 < argc)
			options.out = argv[++i];
		else if (!strcmp(argv[i], "--commit") && i + 1 < argc)
			options.commit = argv[++i];
		else
			return usage();
	}
	machine_name(report.machine, sizeof(report.machine));
	report.commit = options.commit;
	good = scenes_run(&report, &options);
	table_print(&report);
	good &= write_all(&report, options.out);
	return good ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/* measure.c - CPU time of one pinned thread, in blocks; the median says what it costs, the minimum what it costs undisturbed. */
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

static double clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double measure_cpu(void)
{
	return clock_now(CLOCK_THREAD_CPUTIME_ID);
}

double measure_wall(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

/* What the program was allowed at first: a thread that is pinned sees one processor only. */
static const cpu_set_t *processors(void)
{
	static cpu_set_t set;
	static bool known;

	if (!known)
		known = !sched_getaffinity(0, sizeof(set), &set);
	return &set;
}

unsigned measure_processors(void)
{
	return (unsigned)CPU_COUNT(processors());
}

bool measure_pin(unsigned index)
{
	cpu_set_t one;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, processors()) || index--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return !sched_setaffinity(0, sizeof(one), &one);
	}
	return false;
}

/* The least that two readings of the clock are apart. */
static double clock_cost(void)
{
	static _Thread_local double cost = INFINITY;

	for (int i = 0; cost == INFINITY || i < 64; i++) {
		double began = measure_cpu(), took = measure_cpu() - began;

		if (took > 0 && took < cost)
			cost = took;
	}
	return cost;
}

void blocks_add_value(struct blocks *blocks, double value)
{
	if (blocks->count < sizeof(blocks->value) / sizeof(blocks->value[0]))
		blocks->value[blocks->count++] = value;
}

void blocks_add(struct blocks *blocks, double began, size_t operations)
{
	double took = measure_cpu() - began;
	static _Thread_local double cost;

	if (!(cost > 0))
		cost = clock_cost();
	blocks_add_value(blocks, (took > cost ? took - cost : 0) / (double)operations);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The first block warms up and does not count, unless it is the only one. */
struct sample blocks_sample(const struct blocks *blocks)
{
	struct blocks sorted = *blocks;
	double *value = sorted.value;
	unsigned count = sorted.count;

	if (!count)
		return (struct sample){NAN, NAN};
	if (count > 1)
		value++, count--;
	qsort(value, count, sizeof(*value), compare);
	return (struct sample){
		.median = count % 2 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2, .min = value[0]};
}

/* splitmix64: the same numbers in each run. */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

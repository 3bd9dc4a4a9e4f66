/* SPDX-License-Identifier: MIT */
/*
 * map_threads - 64 threads that map, fill, check, move, protect and unmap; each keeps some areas, which are verified at the end,
 * byte by page, so that a page given to two threads or taken from one is seen.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "expect.h"

enum { THREADS = 64, ROUNDS = 300, KEPT = 16, PAGE = 4096 };

struct kept {
	uint64_t *at;
	size_t pages;
	uint64_t mark;
};

static struct kept kept[THREADS][KEPT];

static void fill(const struct kept *k)
{
	for (size_t i = 0; i < k->pages; i++) {
		uint64_t *page = k->at + i * (PAGE / 8);

		EXPECT(page[0] == 0 && page[PAGE / 8 - 1] == 0);
		page[0] = page[PAGE / 8 - 1] = k->mark + i;
	}
}

static void verify(const struct kept *k)
{
	for (size_t i = 0; i < k->pages; i++) {
		const uint64_t *page = k->at + i * (PAGE / 8);

		EXPECT(page[0] == k->mark + i && page[PAGE / 8 - 1] == k->mark + i);
	}
}

static void drop(struct kept *k)
{
	verify(k);
	EXPECT(munmap(k->at, k->pages * PAGE) == 0);
	k->at = NULL;
}

static void grow(struct kept *k)
{
	struct kept rest = {.pages = 3, .mark = k->mark + k->pages};
	void *moved = mremap(k->at, k->pages * PAGE, (k->pages + rest.pages) * PAGE, MREMAP_MAYMOVE);

	EXPECT(moved != MAP_FAILED);
	k->at = moved;
	rest.at = k->at + k->pages * (PAGE / 8);
	fill(&rest);
	k->pages += rest.pages;
}

/* Another protection in the middle, then the same pages again by MAP_FIXED over the whole, which no thread may see as a hole. */
static void replace(struct kept *k)
{
	void *again;

	EXPECT(mprotect(k->at + PAGE / 8, PAGE, PROT_NONE) == 0);
	again = mmap(k->at, k->pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	EXPECT(again == k->at);
	fill(k);
}

static void *thread(void *arg)
{
	long self = (long)arg;
	uint32_t random = (uint32_t)self * 2654435761u + 1;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct kept *k = &kept[self][(random = random * 1664525 + 1013904223) >> 28];

		if (k->at && (random >> 20 & 3) == 0) {
			grow(k);
		} else if (k->at && k->pages > 2 && (random >> 20 & 3) == 1) {
			replace(k);
		} else if (k->at) {
			EXPECT(mprotect(k->at, PAGE, PROT_READ) == 0);
			drop(k);
		} else {
			k->pages = 1 + (random >> 12 & 15);
			k->mark = (uint64_t)(self + 1) << 48 | i << 16;
			k->at = mmap(NULL, k->pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			EXPECT(k->at != MAP_FAILED);
			fill(k);
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	size_t count = 0, pages = 0;

	for (long i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < THREADS; i++) {
		for (int j = 0; j < KEPT; j++) {
			if (!kept[i][j].at)
				continue;
			count++;
			pages += kept[i][j].pages;
			drop(&kept[i][j]);
		}
	}
	printf("%zu areas, %zu pages verified\n", count, pages);
	return 0;
}

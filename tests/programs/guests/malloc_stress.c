/* SPDX-License-Identifier: MIT */
/* malloc_stress - 8 threads hand blocks of 1 byte to 4 MiB to each other through a table; every block carries its check. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "expect.h"

enum { THREADS = 8, ROUNDS = 12000, SLOTS = 512 };

struct block {
	size_t size;
	unsigned char mark;
	unsigned char bytes[];
};

static struct block *_Atomic slots[SLOTS];

static uint32_t next(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static size_t size_of(uint32_t random)
{
	switch (random & 63) {
	case 0:
		return (random >> 6) % (4 << 20);
	case 1 ... 8:
		return (random >> 6) % 70000;
	default:
		return (random >> 6) % 600;
	}
}

static void verify(const struct block *block)
{
	for (size_t i = 0; i < block->size; i += i < 64 ? 1 : 509)
		EXPECT(block->bytes[i] == block->mark);
}

static struct block *make(uint32_t random, struct block *old)
{
	size_t size = size_of(random);
	struct block *block = realloc(old, sizeof(*block) + size);

	EXPECT(block);
	block->size = size;
	block->mark = (unsigned char)(random >> 24);
	memset(block->bytes, block->mark, size);
	return block;
}

static void *thread(void *arg)
{
	uint32_t random = (uint32_t)(long)arg * 7919 + 1;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t r = next(&random);
		struct block *old = atomic_exchange(&slots[r % SLOTS], NULL), *new;

		if (old)
			verify(old);
		new = make(next(&random), old && (r >> 16 & 3) == 0 ? old : NULL);
		if (old && (r >> 16 & 3) != 0)
			free(old);
		new = atomic_exchange(&slots[r % SLOTS], new);
		free(new);
		if (i % 4000 == 3999)
			malloc_trim(0);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&threads[i], NULL, thread, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < SLOTS; i++) {
		if (slots[i])
			verify(slots[i]);
		free(slots[i]);
	}
	puts("every block kept its contents");
	return 0;
}

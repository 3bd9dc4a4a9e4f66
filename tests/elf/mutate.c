/* SPDX-License-Identifier: MIT */
#include "elf/mutate.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Numbers at which sums and limits break. */
static uint64_t nasty(uint64_t *state)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		0xfff,
		0x1000,
		0x1001,
		0x2000,
		56,
		64,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		0x7fffffffefff,
		0x7ffffffff000,
		0x7fffffffffff,
		0x800000000000,
		1ull << 62,
		1ull << 63,
		~0ull,
		~0ull - 0xfff,
		~0ull - 0x1000,
	};
	uint64_t value = values[random_next(state) % (sizeof(values) / sizeof(values[0]))];
	return random_next(state) % 4 ? value : random_next(state) >> random_next(state) % 64;
}

static void mutate_once(struct sample *s, uint64_t *state)
{
	const size_t table = sizeof(struct elf64_hdr), headers = table + SAMPLE_PHNUM * sizeof(struct elf64_phdr);
	uint64_t value = nasty(state);
	size_t width = 1ul << random_next(state) % 4;
	size_t at;
	switch (random_next(state) % 8) {
	case 0: /* cut */
		s->size = random_next(state) % (SAMPLE_SIZE + 1);
		break;
	case 1: /* one bit of the headers */
		at = random_next(state) % headers;
		s->bytes[at] ^= (unsigned char)(1 << value % 8);
		break;
	case 2: /* a field of the header */
		at = random_next(state) % (table / width) * width;
		memcpy(s->bytes + at, &value, width);
		break;
	case 3: /* a segment's type */
		sample_phdr(s, random_next(state) % SAMPLE_PHNUM)->p_type = (uint32_t)(random_next(state) % 8);
		break;
	default: /* a number of a segment */
		at = table + random_next(state) % ((headers - table) / 8) * 8;
		memcpy(s->bytes + at, &value, sizeof(value));
		break;
	}
}

void sample_mutate(struct sample *s, uint64_t *state)
{
	sample_make(s, random_next(state) % 2 ? ET_EXEC : ET_DYN, random_next(state) % 2 ? "interp" : NULL);
	for (uint64_t faults = 1 + random_next(state) % 4; faults; faults--)
		mutate_once(s, state);
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_elf.c - libFuzzer target for the parsers of programs and scripts. The seeds are built in: an input of which a sample can
 * be made is better than a corpus of binaries. Run: fuzz_elf [-max_total_time=N] [directory]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/mutate.h"
#include "elf/parse_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t capacity);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int accepted;
	const char *broken = parse_input(bytes, size, &accepted);
	if (broken) {
		fprintf(stderr, "%s\n", broken);
		abort();
	}
	return 0;
}

static size_t seed_make(uint8_t *bytes, size_t capacity, uint64_t *state)
{
	static const char script[] = "#! /bin/sh -e -u\n";
	struct sample s;
	if (random_next(state) % 4 == 0 && capacity >= sizeof(script)) {
		memcpy(bytes, script, sizeof(script));
		return sizeof(script);
	}
	sample_mutate(&s, state);
	/* Only the headers matter to the parsers: short inputs are faster. */
	size_t size = s.size < SAMPLE_CODE ? s.size : SAMPLE_CODE;
	size = size < capacity ? size : capacity;
	memcpy(bytes, s.bytes, size);
	return size;
}

/* Now and then a fresh seed, else the fuzzer's own mutations of what it found good. */
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed)
{
	uint64_t state = seed + 1ull;
	if (size < 4 || random_next(&state) % 64 == 0)
		return seed_make(bytes, capacity, &state);
	return LLVMFuzzerMutate(bytes, size, capacity);
}

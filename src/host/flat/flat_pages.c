/* SPDX-License-Identifier: MIT */
/*
 * flat_pages.c - which pages are there (one bit each), and their contents.
 *
 *     bits   00001111 00000000 …      a page without its bit is zero already: appearing costs nothing, vanishing costs the zeroing
 *
 * Zeroing where pages vanish rather than where they appear: a secret does not outlive its mapping.
 */
#include "flat_internal.h"

/* Pages hold anything. CMakeLists.txt keeps the compiler from making calls of memset and memcpy, which go byte by byte, of these loops. */
typedef uint64_t __attribute__((may_alias)) word_of_page;

/* At most a page. What is zero already is not written: where memory comes with the first store to it, it stays away. */
static void flat_zero_page(word_of_page *word, size_t count)
{
	size_t i = 0;

	while (i < count && !word[i])
		i++;
	for (; i < count; i++)
		word[i] = 0;
}

void flat_zero(void *to, size_t size)
{
	char *at = to;

	for (; size > TULOU_PAGE_SIZE; at += TULOU_PAGE_SIZE, size -= TULOU_PAGE_SIZE)
		flat_zero_page((word_of_page *)(void *)at, TULOU_PAGE_SIZE / sizeof(word_of_page));
	flat_zero_page((word_of_page *)(void *)at, size / sizeof(word_of_page));
}

void flat_copy(void *to, const void *from, size_t size)
{
	word_of_page *target = to;
	const word_of_page *source = from;

	for (size_t i = 0; i < size / sizeof(*target); i++)
		target[i] = source[i];
}

/* ---- bits ------------------------------------------------------------------------------------------------------------------ */

static size_t flat_page_index(const struct flat *flat, uintptr_t addr)
{
	return (addr - flat->start) >> TULOU_PAGE_SHIFT;
}

/* The bits of [*index, end) that lie in the word of *index; moves *index to the next word. */
static uint64_t flat_word_mask(size_t *index, size_t end)
{
	size_t first = *index % 64, count = size_min(64 - first, end - *index);

	*index += count;
	return (count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << first;
}

bool flat_pages_all(const struct flat *flat, uintptr_t start, size_t size)
{
	size_t index = flat_page_index(flat, start), end = index + (size >> TULOU_PAGE_SHIFT);

	while (index < end) {
		uint64_t word = flat->bits[index / 64], mask = flat_word_mask(&index, end);

		if ((word & mask) != mask)
			return false;
	}
	return true;
}

static bool flat_pages_any(const struct flat *flat, uintptr_t start, size_t size)
{
	size_t index = flat_page_index(flat, start), end = index + (size >> TULOU_PAGE_SHIFT);

	while (index < end) {
		uint64_t word = flat->bits[index / 64];

		if (word & flat_word_mask(&index, end))
			return true;
	}
	return false;
}

static void flat_word_zero_pages(const struct flat *flat, size_t word, uint64_t pages)
{
	while (pages) {
		size_t index = word * 64 + (size_t)__builtin_ctzll(pages);

		flat_zero((void *)(flat->start + (index << TULOU_PAGE_SHIFT)), TULOU_PAGE_SIZE);
		pages &= pages - 1;
	}
}

static size_t flat_word_count(uint64_t word)
{
	size_t count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

void flat_pages_appear(struct flat *flat, uintptr_t start, size_t size, bool keep)
{
	size_t index = flat_page_index(flat, start), end = index + (size >> TULOU_PAGE_SHIFT);

	while (index < end) {
		size_t word = index / 64;
		uint64_t mask = flat_word_mask(&index, end), there = flat->bits[word] & mask;

		if (!keep)
			flat_word_zero_pages(flat, word, there);
		flat->mapped += flat_word_count(mask & ~there);
		flat->bits[word] |= mask;
	}
}

void flat_pages_vanish(struct flat *flat, uintptr_t start, size_t size)
{
	size_t index = flat_page_index(flat, start), end = index + (size >> TULOU_PAGE_SHIFT);

	while (index < end) {
		size_t word = index / 64;
		uint64_t there = flat->bits[word] & flat_word_mask(&index, end);

		flat_word_zero_pages(flat, word, there);
		flat->mapped -= flat_word_count(there);
		flat->bits[word] &= ~there;
	}
}

/* ---- contents that may have to come back ----------------------------------------------------------------------------------- */

int flat_save(struct flat *flat, uintptr_t start, size_t size, struct flat_saved *saved)
{
	*saved = (struct flat_saved){.start = start, .size = size};
	if (!flat_pages_any(flat, start, size))
		return 0;
	saved->copy = flat_books_take(flat, saved->size);
	if (!saved->copy)
		return -TULOU_ENOMEM;
	flat_copy(saved->copy, (const void *)saved->start, saved->size);
	return 0;
}

void flat_restore(struct flat *flat, struct flat_saved *saved)
{
	if (saved->copy)
		flat_copy((void *)saved->start, saved->copy, saved->size);
	else
		flat_zero((void *)saved->start, saved->size);
	flat_forget(flat, saved);
}

void flat_forget(struct flat *flat, struct flat_saved *saved)
{
	if (saved->copy)
		flat_books_give(flat, saved->copy, saved->size);
	saved->copy = NULL;
}

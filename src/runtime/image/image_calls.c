/* SPDX-License-Identifier: MIT */
/*
 * image_calls.c - libraries, as the interpreter maps them: one mapping of the whole file, which takes the place, and fixed pieces in it.
 *
 *     mmap(NULL, size, R, fd, 0)          a kept image of this file and size: claimed, at the place that it has
 *     mmap(base + x, …, FIXED, fd, y)     a piece of it that agrees: there; one to be written to is read from the file again
 *     mprotect                            of RELRO, when all libraries are mapped: the pieces of new images are noted
 */
#include <asm/unistd.h>

#include "base/page.h"
#include "runtime/elf/exec_file.h"
#include "runtime/image/image_set.h"

enum { READ_WRITE = TULOU_PROT_READ | TULOU_PROT_WRITE };

/* ---- the end of the start --------------------------------------------------------------------------------------------------------- */

void images_settle(struct process *process)
{
	struct image_set *set = process->images;

	set->starting = false;
	image_pieces_find(set, process->vm);
	for (uint32_t i = 0; i < set->count; i++) {
		struct image *image = &set->images[i];
		if (image->state != IMAGE_HIDDEN)
			continue;
		tulou_munmap(process->vm, image->start, image->end - image->start);
		image->state = IMAGE_BROKEN;
	}
}

/* Text and constants that were writable once are areas of another kind for the kernel: their contents can be had back, but not that they are
 * one with their neighbours. What can be written may get less access, and have it back. */
static void note_protection(struct image_set *set, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct image *image = &set->images[i];
		for (unsigned n = 0; n < image->count; n++) {
			const struct image_piece *piece = &image->pieces[n];
			if (start < piece->end && piece->start < end && !(piece->prot & TULOU_PROT_WRITE))
				image->state = IMAGE_BROKEN;
		}
	}
}

void images_before_call(struct process *process, unsigned nr, const struct registers *regs)
{
	struct image_set *set = process->images;

	if (nr == __NR_mprotect || nr == __NR_pkey_mprotect)
		note_protection(set, regs->rdi, regs->rdi + page_up(regs->rsi));
	if (!set->starting)
		return;
	if (regs->rip - set->start.interp_start >= set->start.interp_end - set->start.interp_start)
		images_settle(process);
	else if (nr == __NR_mprotect)
		image_pieces_find(set, process->vm);
}

/* ---- a library's first mapping ---------------------------------------------------------------------------------------------------- */

static struct image *find_hidden(struct image_set *set, const struct file_key *key, uint64_t size, int prot)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct image *image = &set->images[i];
		if (image->state == IMAGE_HIDDEN && image->end - image->start == size && image->pieces[0].prot == prot &&
			file_key_equal(&image->key, key))
			return image;
	}
	return NULL;
}

static struct image *image_add(struct image_set *set)
{
	return set->count < IMAGES_MAX ? &set->images[set->count++] : NULL;
}

static bool map_first(struct process *process, const struct registers *r, long *result)
{
	struct image_set *set = process->images;
	uint64_t size = page_up(r->rsi);
	struct file_key key;
	struct image *image;

	if (!file_key_of((int)r->r8, &key))
		return false;
	image = find_hidden(set, &key, size, (int)r->rdx);
	if (image && image_verify(image, (int)r->r8, process->patch)) {
		image->state = IMAGE_CLAIMED;
		image_count(IMAGE_LIBRARY_HIT);
		*result = (long)image->start;
		return true;
	}
	*result = tulou_mmap(process->vm, 0, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, 0);
	image = *result < 0 || !file_key_settled(&key) ? NULL : image_add(set);
	if (image) {
		image->key = key;
		image->start = (uint64_t)*result;
		image->end = image->start + size;
		image->state = IMAGE_MAPPED;
		image->count = 0;
		image_count(IMAGE_LIBRARY_MISS);
	}
	return true;
}

/* ---- its pieces ------------------------------------------------------------------------------------------------------------------- */

static struct image_piece *find_piece(struct image *image, const struct registers *r)
{
	bool file = !(r->r10 & TULOU_MAP_ANONYMOUS);

	for (unsigned i = 0; i < image->count; i++) {
		struct image_piece *piece = &image->pieces[i];
		if (piece->start == r->rdi && piece->end == r->rdi + page_up(r->rsi) && piece->prot == r->rdx &&
			piece->file == file && (!file || piece->offset == r->r9))
			return piece;
	}
	return NULL;
}

/* As a fresh mapping shows it: zeros behind the file's end, in its last page. False: there are no pages of the file. */
static bool piece_read(const struct image_piece *piece, int fd)
{
	uint64_t size = piece->end - piece->start, left;
	long got = exec_file_read(fd, (void *)piece->start, size, piece->offset);

	if (got <= 0 || page_up((uint64_t)got) != size)
		return false;
	left = size - (uint64_t)got;
	for (volatile char *at = (volatile char *)piece->end; left; left--)
		*--at = 0;
	return true;
}

static bool map_piece(struct image *image, const struct registers *r, long *result)
{
	const struct image_piece *piece = find_piece(image, r);
	struct file_key key;
	bool agrees = piece;

	if (agrees && piece->file)
		agrees = file_key_of((int)r->r8, &key) && file_key_equal(&key, &image->key);
	if (agrees && piece->file && piece->prot & TULOU_PROT_WRITE)
		agrees = piece_read(piece, (int)r->r8);
	if (!agrees) { /* the call makes it what it wants; the image is none that will be kept */
		image->state = IMAGE_BROKEN;
		return false;
	}
	*result = (long)r->rdi;
	return true;
}

bool images_mmap(struct process *process, const struct registers *r, long *result)
{
	struct image_set *set = process->images;
	struct image *image;

	if (!set->starting || (r->r10 & TULOU_MAP_TYPE) != TULOU_MAP_PRIVATE)
		return false;
	if (r->r10 & ~(uint64_t)(TULOU_MAP_TYPE | TULOU_MAP_FIXED | TULOU_MAP_ANONYMOUS | TULOU_MAP_DENYWRITE))
		return false;
	if (!(r->r10 & (TULOU_MAP_FIXED | TULOU_MAP_ANONYMOUS)))
		return !r->rdi && !r->r9 && r->rsi && r->r10 & TULOU_MAP_DENYWRITE && map_first(process, r, result);
	image = r->r10 & TULOU_MAP_FIXED ? image_at(set, r->rdi) : NULL;
	return image && image->state == IMAGE_CLAIMED && map_piece(image, r, result);
}

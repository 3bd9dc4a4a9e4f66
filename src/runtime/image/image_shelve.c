/* SPDX-License-Identifier: MIT */
/*
 * image_shelve.c - what is left of a process VM when its process ends:
 *
 *     areas    images, the stack          everything else, the heap
 *              as they were mapped        unmapped
 *
 * Any doubt, and all of it goes as ever.
 */
#include <tulou/inspect.h>

#include "runtime/image/image_set.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/trap/patch.h"

enum { REST_MAX = 64, SHELVED_MOST = 16, SHELVED_TICKS = 2 };
enum { READ_WRITE = TULOU_PROT_READ | TULOU_PROT_WRITE };
/* Of all images of a process, what can be written and so is its own memory. */
#define WRITABLE_MOST (4ul << 20)

static uint32_t tick; /* of images_trim(); atomic */
static uint32_t shelved; /* about; atomic, set right by images_trim() */

struct leftovers {
	struct image_set *set;
	bool unfit;
	uint64_t trampolines; /* bytes */
	unsigned count;
	struct {
		uint64_t start, end;
	} rest[REST_MAX];
};

/* ---- what is there ---------------------------------------------------------------------------------------------------------------- */

static void rest_add(struct leftovers *l, uint64_t start, uint64_t end)
{
	if (l->count && l->rest[l->count - 1].end == start) {
		l->rest[l->count - 1].end = end;
	} else if (l->count < REST_MAX) {
		l->rest[l->count].start = start;
		l->rest[l->count++].end = end;
	} else {
		l->unfit = true;
	}
}

static struct image_piece *piece_at(struct image *image, uint64_t at)
{
	for (unsigned i = 0; i < image->count; i++)
		if (at - image->pieces[i].start < image->pieces[i].end - image->pieces[i].start)
			return &image->pieces[i];
	return NULL;
}

/* Does the area show from `at` on what the piece was mapped as? */
static bool piece_agrees(const struct image *image, struct image_piece *piece, const struct tulou_area_info *area, uint64_t at)
{
	bool file = !(area->flags & TULOU_MAP_ANONYMOUS), relro = piece->prot == READ_WRITE && area->prot == TULOU_PROT_READ;

	if (area->kind != TULOU_AREA_MMAP || !(area->flags & TULOU_MAP_PRIVATE) || area->flags & TULOU_MAP_LOCKED)
		return false;
	if (file != piece->file || (area->prot != piece->prot && !relro))
		return false;
	if (file && (area->dev != image->key.dev || area->ino != image->key.ino ||
			    area->offset + (at - area->start) != piece->offset + (at - piece->start)))
		return false;
	piece->narrowed |= relro;
	return true;
}

/* The part of the area that lies in the image, from `at` on; returns where it ends. */
static uint64_t look_at_image(struct image *image, const struct tulou_area_info *area, uint64_t at)
{
	uint64_t end = area->end < image->end ? area->end : image->end;

	while (at < end && image->state != IMAGE_BROKEN) {
		struct image_piece *piece = piece_at(image, at);
		uint64_t stop = piece && piece->end < end ? piece->end : end;

		if (!piece || !piece_agrees(image, piece, area, at))
			image->state = IMAGE_BROKEN;
		image->seen += stop - at;
		at = stop;
	}
	return end;
}

static uint64_t next_image(struct image_set *set, uint64_t at, uint64_t end)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->images[i].start >= at && set->images[i].start < end)
			end = set->images[i].start;
	return end;
}

static int look(void *arg, const struct tulou_area_info *area)
{
	struct leftovers *l = arg;
	const struct program_start *start = &l->set->start;

	if (area->kind == TULOU_AREA_HEAP || area->kind == TULOU_AREA_ROOM || area->kind == TULOU_AREA_BARRIER)
		return 0;
	if (area->kind == TULOU_AREA_STACK && area->end == start->stack_end && area->start <= start->stack_start) {
		if (area->start < start->stack_start) /* what has grown is room again */
			rest_add(l, area->start, start->stack_start);
		return l->unfit |= area->prot != READ_WRITE || area->flags & TULOU_MAP_LOCKED;
	}
	if (area->kind != TULOU_AREA_MMAP)
		return l->unfit = true;
	if (area->flags & TULOU_MAP_ANONYMOUS && patch_has_trampolines(l->set->patch, area->start, area->end)) {
		l->trampolines += area->end - area->start;
		return 0;
	}
	for (uint64_t at = area->start; at < area->end;) {
		struct image *image = image_at(l->set, at);
		uint64_t end = image ? look_at_image(image, area, at) : next_image(l->set, at, area->end);

		if (!image)
			rest_add(l, at, end);
		at = end;
	}
	return l->unfit;
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------------------------ */

static uint64_t pieces_size(const struct image *image, bool writable)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < image->count; i++)
		if (!writable || image->pieces[i].prot & TULOU_PROT_WRITE)
			size += image->pieces[i].end - image->pieces[i].start;
	return size;
}

/* As it was mapped, and without what the process kept there. */
static bool image_restore(struct image *image, struct tulou_process_vm *vm)
{
	for (unsigned i = 0; i < image->count; i++) {
		struct image_piece *piece = &image->pieces[i];

		if (piece->narrowed && tulou_mprotect(vm, piece->start, piece->end - piece->start, piece->prot))
			return false;
		piece->narrowed = false;
		if (!piece->file)
			image_zero(piece->start, piece->end);
	}
	image->state = IMAGE_HIDDEN;
	return true;
}

/* Libraries that are not as they were mapped go; the program and its interpreter must be. */
static bool images_restore(struct image_set *set, struct tulou_process_vm *vm)
{
	uint64_t writable = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		struct image *image = &set->images[i];
		bool good = image->state != IMAGE_BROKEN && image->count && image->seen == pieces_size(image, false);

		writable += pieces_size(image, true);
		if (!good && i <= SET_INTERPRETER)
			return false;
		if (good && !image_restore(image, vm))
			return false;
		if (!good) {
			image->state = IMAGE_BROKEN;
			tulou_munmap(vm, image->start, image->end - image->start);
		}
	}
	return writable <= WRITABLE_MOST;
}

static void images_pack(struct image_set *set)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++)
		if (set->images[i].state != IMAGE_BROKEN)
			set->images[kept++] = set->images[i];
	set->count = kept;
}

static bool clean(struct image_set *set, struct tulou_process_vm *vm)
{
	struct leftovers l = {.set = set};

	for (uint32_t i = 0; i < set->count; i++)
		set->images[i].seen = 0;
	tulou_walk_process(vm, look, &l);
	if (l.unfit || l.trampolines != patch_trampolines_size(set->patch))
		return false;
	for (unsigned i = 0; i < l.count; i++)
		if (tulou_munmap(vm, l.rest[i].start, l.rest[i].end - l.rest[i].start))
			return false;
	if (!images_restore(set, vm) || tulou_brk(vm, set->start.heap_start) != (long)set->start.heap_start)
		return false;
	images_pack(set);
	image_zero(set->start.stack_start, set->start.stack_end);
	return true;
}

/* ---- shelved -------------------------------------------------------------------------------------------------------------------------- */

static bool older(void *arg, void *label)
{
	const struct image_set *set = label;
	return (int32_t)(set->tick - *(uint32_t *)arg) <= 0;
}

static bool count_one(void *arg, void *label)
{
	(void)label;
	++*(uint32_t *)arg;
	return false;
}

/* One that was shelved at tick `last` or before. */
static bool drop_one(uint32_t last)
{
	struct image_set *set = tulou_process_vm_discard(runtime.pool, older, &last);

	if (!set)
		return false;
	__atomic_sub_fetch(&shelved, 1, __ATOMIC_RELAXED);
	images_drop(set);
	return true;
}

bool images_give_back(void)
{
	bool any = false;

	while (__atomic_load_n(&shelved, __ATOMIC_RELAXED) && drop_one(__atomic_load_n(&tick, __ATOMIC_RELAXED)))
		any = true;
	return any;
}

void images_trim(void)
{
	uint32_t now = __atomic_add_fetch(&tick, 1, __ATOMIC_RELAXED), count = 0;

	while (drop_one(now - SHELVED_TICKS))
		;
	/* Who died between two words has left the sum wrong. */
	tulou_process_vm_discard(runtime.pool, count_one, &count);
	__atomic_store_n(&shelved, count, __ATOMIC_RELAXED);
}

void image_unshelved(void)
{
	__atomic_sub_fetch(&shelved, 1, __ATOMIC_RELAXED);
}

void image_shelf_forget(void)
{
	shelved = 0;
}

/* Only by the last task of a process that has its memory alone, and while somebody looks after what is shelved. */
static bool may_shelve(const struct process *process)
{
	const struct image_set *set = process->images;

	if (runtime.no_image_cache || !set || !process->vm || process->traced || !supervisor_running() ||
		__atomic_load_n(&shelved, __ATOMIC_RELAXED) >= SHELVED_MOST)
		return false;
	return tulou_process_vm_exclusive(process->vm) && !tulou_process_vm_is_exact(process->vm);
}

void images_shelve(struct process *process)
{
	struct image_set *set = process->images;

	if (!may_shelve(process))
		return;
	if (set->starting)
		images_settle(process);
	__atomic_store_n(&set->holder, thread_current()->state, __ATOMIC_RELEASE);
	process->images = NULL;
	set->patch = patch_detach(process);
	if (clean(set, process->vm)) {
		set->tick = __atomic_load_n(&tick, __ATOMIC_RELAXED);
		__atomic_store_n(&set->holder, SET_SHELVED, __ATOMIC_RELEASE);
		if (!tulou_process_vm_shelve(&process->vm, set)) {
			__atomic_add_fetch(&shelved, 1, __ATOMIC_RELAXED);
			image_count(IMAGE_SHELVE);
			return;
		}
	}
	image_count(IMAGE_UNFIT);
	images_drop(set);
}

/* SPDX-License-Identifier: MIT */
#include "runtime/image/image_set.h"

#include <asm/stat.h>
#include <linux/time.h>
#include <tulou/inspect.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/arena.h"
#include "runtime/layout.h"
#include "runtime/message.h"
#include "runtime/trap/patch.h"

#define SECOND    1000000000l
#define TICK_MOST 20000000l /* ns: two of a kernel with 100 Hz */

enum { LINE_SIZE = 256, TYPE_MASK = 0170000, TYPE_REGULAR = 0100000 };

static struct arena arena = {.base = IMAGES_BASE, .size = PROCESS_COUNT * IMAGE_SET_SLOT};
static uint32_t sets_used; /* slots that were ever claimed; only grows; atomic */
static uint64_t events[IMAGE_EVENTS]; /* atomic */

static struct image_set *set_at(unsigned slot)
{
	return (struct image_set *)(IMAGES_BASE + slot * IMAGE_SET_SLOT);
}

/* ---- whose -------------------------------------------------------------------------------------------------------------------------- */

static bool set_try(struct image_set *set)
{
	uint32_t seen = __atomic_load_n(&set->holder, __ATOMIC_RELAXED);

	if (seen == SET_HELD || seen == SET_SHELVED || (seen != SET_FREE && thread_token_alive(seen)))
		return false;
	return __atomic_compare_exchange_n(
		&set->holder, &seen, thread_current()->state, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

struct image_set *image_set_claim(void)
{
	for (unsigned slot = 0; slot < PROCESS_COUNT; slot++) {
		uint32_t used = __atomic_load_n(&sets_used, __ATOMIC_ACQUIRE);
		struct image_set *set = set_at(slot);

		if (arena_reach(&arena, (slot + 1) * IMAGE_SET_SLOT) < 0)
			return NULL;
		if (!set_try(set))
			continue;
		while (used <= slot &&
			!__atomic_compare_exchange_n(&sets_used, &used, slot + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			;
		if (set->patch) /* of one who died with it */
			patch_space_drop(set->patch);
		set->patch = NULL;
		set->starting = set->again = false;
		set->count = 0;
		return set;
	}
	return NULL;
}

void images_give(struct process *process, struct image_set *set)
{
	if (set)
		__atomic_store_n(&set->holder, SET_HELD, __ATOMIC_RELEASE);
	images_drop(__atomic_exchange_n(&process->images, set, __ATOMIC_ACQ_REL));
	if (set && set->again) {
		patch_attach(process, set->patch);
		set->patch = NULL;
	}
}

void images_drop(struct image_set *set)
{
	if (!set)
		return;
	if (set->patch)
		patch_space_drop(set->patch);
	set->patch = NULL;
	__atomic_store_n(&set->holder, SET_FREE, __ATOMIC_RELEASE);
}

void images_forget_others(const struct process *keep)
{
	image_shelf_forget();
	for (unsigned slot = 0; slot < sets_used; slot++)
		if (set_at(slot) != keep->images) {
			set_at(slot)->patch = NULL; /* patch_forget_others() has it */
			set_at(slot)->holder = SET_FREE;
		}
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------- */

bool file_key_of(int fd, struct file_key *key)
{
	struct stat about;

	if (sys2(__NR_fstat, fd, (long)&about) < 0 || (about.st_mode & TYPE_MASK) != TYPE_REGULAR)
		return false;
	*key = (struct file_key){.dev = about.st_dev,
		.ino = about.st_ino,
		.size = (uint64_t)about.st_size,
		.mtime = about.st_mtime,
		.mtime_nsec = about.st_mtime_nsec,
		.ctime = about.st_ctime,
		.ctime_nsec = about.st_ctime_nsec};
	return true;
}

bool file_key_settled(const struct file_key *key)
{
	struct {
		int64_t seconds, nanoseconds;
	} now;

	sys2(__NR_clock_gettime, CLOCK_REALTIME_COARSE, (long)&now);
	return (now.seconds - (int64_t)key->ctime) * SECOND + now.nanoseconds - (int64_t)key->ctime_nsec >= TICK_MOST;
}

bool file_key_equal(const struct file_key *a, const struct file_key *b)
{
	return !memcmp(a, b, sizeof *a);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------------------------ */

struct image *image_at(struct image_set *set, uint64_t at)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (at - set->images[i].start < set->images[i].end - set->images[i].start)
			return &set->images[i];
	return NULL;
}

struct look {
	struct image_set *set;
	bool fresh[IMAGES_MAX];
};

static void piece_note(struct image *image, const struct tulou_area_info *area)
{
	uint64_t start = area->start > image->start ? area->start : image->start;
	uint64_t end = area->end < image->end ? area->end : image->end;
	bool file = !(area->flags & TULOU_MAP_ANONYMOUS);
	bool known = area->kind == TULOU_AREA_MMAP && area->flags & TULOU_MAP_PRIVATE && !(area->flags & TULOU_MAP_LOCKED);

	if (!file && area->prot != (TULOU_PROT_READ | TULOU_PROT_WRITE))
		known = false;
	if (file && (area->dev != image->key.dev || area->ino != image->key.ino))
		known = false;
	if (!known || image->count == PIECES_MAX) {
		image->state = IMAGE_BROKEN;
		return;
	}
	image->pieces[image->count++] = (struct image_piece){.start = start,
		.end = end,
		.offset = file ? area->offset + (start - area->start) : 0,
		.prot = (uint8_t)area->prot,
		.file = file};
}

static int look_visit(void *arg, const struct tulou_area_info *area)
{
	struct look *look = arg;

	for (uint32_t i = 0; i < look->set->count; i++) {
		struct image *image = &look->set->images[i];
		if (look->fresh[i] && area->start < image->end && area->end > image->start)
			piece_note(image, area);
	}
	return 0;
}

void image_pieces_find(struct image_set *set, struct tulou_process_vm *vm)
{
	struct look look = {.set = set};
	bool any = false;

	for (uint32_t i = 0; i < set->count; i++)
		any |= look.fresh[i] = !set->images[i].count && set->images[i].state == IMAGE_MAPPED;
	if (any)
		tulou_walk_process(vm, look_visit, &look);
}

/* ---- statistics -------------------------------------------------------------------------------------------------------------------- */

void image_count(enum image_event event)
{
	__atomic_add_fetch(&events[event], 1, __ATOMIC_RELAXED);
}

void images_print(void)
{
	char text[LINE_SIZE];
	int length = (int)format(text, sizeof text,
		"image cache: programs %lu hits, %lu misses; libraries %lu hits, %lu misses; %lu kept, %lu not fit\n",
		(unsigned long)events[IMAGE_HIT], (unsigned long)events[IMAGE_MISS], (unsigned long)events[IMAGE_LIBRARY_HIT],
		(unsigned long)events[IMAGE_LIBRARY_MISS], (unsigned long)events[IMAGE_SHELVE],
		(unsigned long)events[IMAGE_UNFIT]);

	if (events[IMAGE_HIT] + events[IMAGE_MISS])
		write_all(2, text, (size_t)length);
}

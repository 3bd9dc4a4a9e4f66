/* SPDX-License-Identifier: MIT */
/* scene.c - see scene.h. */
#include "scene.h"

#include <fcntl.h>

#include "vm/process_vm.h"

enum { FILLER_START = SCENE_PAGES + SCENE_CHUNK, FILLER_MOST = 96 * 1024 };

/* ---- open, close ----------------------------------------------------------------------------------------------------------- */

static void map(struct scene *s, long page, long pages, int prot, int flags)
{
	assert_int_equal(map_at(s->f.a, page, pages, prot, FIXED | flags), page);
}

static void files_open(struct scene *s)
{
	for (int i = 0; i < SCENE_FILES; i++) {
		s->fd[i] = machine_file_create(&s->f.machine, SCENE_FILE_PAGES * PAGE);
		for (int page = 0; page < SCENE_FILE_PAGES; page++)
			machine_file_write(
				&s->f.machine, s->fd[i], &(char){(char)('a' + 16 * i + page)}, 1, (uint64_t)page * PAGE);
	}
	s->read_only_fd = machine_file_open(&s->f.machine, s->fd[1], O_RDONLY);
}

static void areas_open(struct scene *s)
{
	struct tulou_process_vm *a = s->f.a;

	map(s, 576, 4, RW, 0);
	map(s, 580, 4, RO, 0);
	map(s, 584, 4, RX, 0);
	for (long page = 588; page < 600; page += 2)
		map(s, page, 2, page % 4 ? RW : NONE, 0);
	map(s, 636, 8, RW, 0);
	assert_int_equal(map_file(a, 646, 4, RW, TULOU_MAP_SHARED, s->fd[0], 0), 646);
	assert_int_equal(map_file(a, 652, 4, RW, TULOU_MAP_PRIVATE, s->fd[1], 1), 652);
	assert_int_equal(map_file(a, 660, 4, RW, SHARED, -1, 0), 660);
	map(s, 668, 3, RW, 0);
	map(s, 674, 3, RW, 0);
	map(s, 680, 3, NONE, 0);
	map(s, 692, 2, RW, TULOU_MAP_NORESERVE);
	map(s, 770, 130, RW, 0);
	assert_int_equal(map_at(s->f.b, 706, 3, RW, FIXED), 706);
	if (TRAITS.locks)
		assert_int_equal(tulou_mlock2(a, at(668), 3 * PAGE, 0), 0);
	assert_int_equal(tulou_mseal(a, at(674), 3 * PAGE, 0), 0);
}

/* Contents by which pages can be told apart, in those that can be written. */
static void contents_write(struct scene *s)
{
	for (long page = 0; page < SCENE_PAGES; page++) {
		if (!tulou_access_ok(s->f.a, at(page), PAGE, RW) || page % 7 == 3)
			continue;
		put_at(&s->f, page, (uint8_t)(page % 250 + 1));
		assert_int_equal(machine_store(&s->f.machine, at(page + 1) - 1, (uint8_t)(page % 100 + 2)), 0);
	}
	put_at(&s->f, 706, 'B');
}

void scene_fill(struct tulou_process_vm *vm, enum scene_filler filler, size_t index)
{
	long pages = filler == FILL_AREAS ? 1 : SCENE_CHUNK, page = FILLER_START + (long)index * pages;
	int prot = filler == FILL_AREAS && index % 2 ? RO : NONE;

	assert_true(page + pages <= FILLER_MOST);
	assert_int_equal(map_at(vm, page, 1, prot, FIXED), page);
}

void scene_open(struct scene *s, bool later)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	struct fixture *f = &s->f;

	machine_open(&f->machine, pool_machine, (pool_machine == ON_SIM ? FILLER_MOST : SCENE_PAGES) * PAGE);
	assert_int_equal(pool_create(f, SCENE_CHUNK, 0), 0);
	assert_int_equal(tulou_process_vm_build(f->a, &layout), 0);
	s->heap = page_of((long)layout.heap_start);
	s->stack = page_of((long)layout.stack_start);
	s->brk = layout.heap_start + 3 * PAGE + 100;
	assert_int_equal(tulou_brk(f->a, s->brk), s->brk);
	files_open(s);
	areas_open(s);
	contents_write(s);
	if (later)
		assert_int_equal(tulou_mlockall(f->a, TULOU_MCL_FUTURE | TULOU_MCL_ONFAULT, UINT64_MAX), 0);
}

void scene_close(struct scene *s)
{
	for (int i = 0; i < SCENE_FILES; i++)
		machine_file_close(&s->f.machine, s->fd[i]);
	machine_file_close(&s->f.machine, s->read_only_fd);
	pool_close(&s->f);
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------------- */

static void files_look(struct scene *s, struct snapshot *out)
{
	for (int i = 0; i < SCENE_FILES; i++)
		for (int page = 0; page < SCENE_FILE_PAGES; page++)
			machine_file_read(&s->f.machine, s->fd[i], &out->files[i][page], 1, (uint64_t)page * PAGE);
	/* Where a shared mapping is a copy, it is written back at any time: look through it. */
	for (int page = 0; page < SCENE_FILE_PAGES && !TRAITS.coherent; page++)
		if (page < 4)
			out->files[0][page] = 0;
}

void snapshot_take(struct scene *s, struct snapshot *out)
{
	const struct machine *m = &s->f.machine;
	struct tulou_stats stats;

	memset(out, 0, sizeof(*out));
	picture_take(&out->books, s->f.pool);
	tulou_stats(s->f.pool, &stats);
	out->used = stats.used;
	out->limbo = stats.limbo;
	out->processes = stats.process_count;
	out->handles = s->f.probe.handles;
	out->brk = (long)s->f.a->brk; /* without a call, which would fill the stock of records */
	machine_pages(m, at(0), SCENE_PAGES, out->pages);
	for (long page = 0; page < SCENE_PAGES; page++) {
		if (!out->pages[page].mapped || (TRAITS.shows && !out->pages[page].prot))
			continue;
		out->bytes[page].fault = machine_load(m, at(page), &out->bytes[page].first);
		if (!out->bytes[page].fault)
			machine_load(m, at(page + 1) - 1, &out->bytes[page].last);
	}
	files_look(s, out);
}

static bool differ(const char *say, const char *what, size_t page)
{
	if (say)
		print_error("%s: %s differs (page %zu)\n", say, what, page);
	return false;
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t end, bool whole, const char *say)
{
	for (size_t page = first; page < end; page++) {
		if (memcmp(&a->pages[page], &b->pages[page], sizeof(a->pages[page])))
			return differ(say, "what the host has", page);
		if (memcmp(&a->bytes[page], &b->bytes[page], sizeof(a->bytes[page])))
			return differ(say, "contents", page);
	}
	if (!whole)
		return true;
	if (strcmp(a->books.text, b->books.text)) {
		if (say)
			print_error("%s:\n  is  %s\n  was %s\n", say, a->books.text, b->books.text);
		return false;
	}
	if (a->used != b->used || a->limbo != b->limbo || a->processes != b->processes)
		return differ(say, "statistics", 0);
	if (a->handles != b->handles)
		return differ(say, "references to files", 0);
	if (a->brk != b->brk)
		return differ(say, "the break", 0);
	return memcmp(a->files, b->files, sizeof(a->files)) ? differ(say, "a file", 0) : true;
}

/* ---- books and host -------------------------------------------------------------------------------------------------------- */

struct agreement {
	const char *name;
	const struct machine_page *pages;
	bool shows;
};

static int area_agrees(void *arg, const struct tulou_area_info *area)
{
	const struct agreement *agreement = arg;

	if (area->kind == TULOU_AREA_RESERVED || area->kind == TULOU_AREA_LIMBO || area->kind == TULOU_AREA_ROOM)
		return 0;
	for (uintptr_t addr = area->start; addr < area->end && page_of((long)addr) < SCENE_PAGES; addr += PAGE) {
		const struct machine_page *page = &agreement->pages[page_of((long)addr)];
		bool same = page->mapped;

		if (agreement->shows)
			same = same && page->prot == (area->prot & 7) && page->shared == !!(area->flags & TULOU_MAP_SHARED) &&
			       page->locked == !!(area->flags & TULOU_MAP_LOCKED);
		if (!same)
			fail_msg("%s: the books say page %ld is %x %x; the host: mapped %d, %x, shared %d, locked %d",
				agreement->name, page_of((long)addr), (unsigned)area->prot, (unsigned)area->flags, page->mapped,
				(unsigned)page->prot, page->shared, page->locked);
	}
	return 0;
}

void scene_sound(struct scene *s, const char *name)
{
	static struct machine_page pages[SCENE_PAGES];
	static struct picture p;
	struct agreement agreement = {.name = name, .pages = pages, .shows = TRAITS.shows};
	char what[200] = "";

	if (tulou_check(s->f.pool, what, sizeof(what)))
		fail_msg("%s: %s", name, what);
	machine_pages(&s->f.machine, at(0), SCENE_PAGES, pages);
	tulou_walk_areas(s->f.pool, area_agrees, &agreement);
	picture_take(&p, s->f.pool);
	assert_int_equal(machine_mapped(&s->f.machine), p.mapped);
}

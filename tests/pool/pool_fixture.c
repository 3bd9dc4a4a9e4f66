/* SPDX-License-Identifier: MIT */
/* pool_fixture.c - see pool_fixture.h. */
#include "pool_fixture.h"

enum machine_kind pool_machine = ON_SIM;
enum tulou_resident pool_resident = TULOU_RESIDENT_OFF;

int pool_create(struct fixture *f, size_t chunk_pages, int check_level)
{
	const struct tulou_config config = {
		.start = f->machine.start,
		.end = f->machine.end,
		.chunk_size = chunk_pages * PAGE,
		.check_level = check_level,
		.memory_limit = MEMORY_LIMIT,
		.resident = pool_resident,
	};
	int error;

	probe_init(&f->probe, f->machine.host);
	f->sim = f->machine.sim;
	f->flat = f->machine.kind == ON_FLAT ? &f->machine.flat : NULL;
	if (f->flat)
		f->flat->probe = &f->probe;
	error = tulou_create(&f->pool, &f->probe.host, &config);
	if (error)
		return error;
	error = tulou_process_vm_create(f->pool, 1, &f->a);
	if (!error)
		error = tulou_process_vm_create(f->pool, 2, &f->b);
	if (error)
		tulou_destroy(f->pool);
	return error;
}

void pool_open(struct fixture *f, size_t pages, size_t chunk_pages)
{
	machine_open(&f->machine, pool_machine, pages * PAGE);
	assert_int_equal(pool_create(f, chunk_pages, 3), 0);
}

void pool_close(struct fixture *f)
{
	pool_sound(f);
	tulou_destroy(f->pool);
	assert_int_equal(f->probe.books, 0);
	assert_int_equal(f->probe.handles, 0);
	machine_close(&f->machine);
}

int pool_run_tests(const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	for (pool_machine = ON_SIM; pool_machine < MACHINES; pool_machine++)
		failed += _cmocka_run_group_tests(TRAITS.name, tests, count, NULL, NULL);
	return failed;
}

/* ---- the whole state ------------------------------------------------------------------------------------------------------- */

static void picture_add(struct picture *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void picture_add(struct picture *p, const char *format, ...)
{
	va_list args;
	int wrote;

	va_start(args, format);
	wrote = vsnprintf(p->text + p->length, sizeof(p->text) - p->length, format, args);
	va_end(args);
	p->length += (size_t)wrote;
	assert_true(p->length < sizeof(p->text));
}

static int picture_area(void *arg, const struct tulou_area_info *area)
{
	struct picture *p = arg;
	char owner = area->process ? (char)('A' + area->process - 1) : '?';

	picture_add(p, "%s%c:%ld+%ld%c%c%s%s%s", p->length ? " " : "", owner, page_of((long)area->start),
		(long)(area->end - area->start) / PAGE, area->prot & TULOU_PROT_READ ? 'r' : '-',
		area->prot & TULOU_PROT_WRITE ? 'w' : '-', area->prot & TULOU_PROT_EXEC ? "x" : "",
		area->flags & TULOU_MAP_SHARED ? "s" : "", area->flags & TULOU_MAP_LOCKED ? "l" : "");
	if (area->ino)
		picture_add(p, "@%ld", (long)area->offset / PAGE);
	if (area->kind != TULOU_AREA_MMAP)
		picture_add(p, "%c", "?RHSL~|K"[area->kind]);
	if (area->kind != TULOU_AREA_RESERVED && area->kind != TULOU_AREA_ROOM)
		p->mapped += area->end - area->start;
	return 0;
}

const char *picture_take(struct picture *p, struct tulou *pool)
{
	p->length = p->mapped = 0;
	p->text[0] = '\0';
	tulou_walk_areas(pool, picture_area, p);
	return p->text;
}

void pool_sound_at(struct fixture *f, const char *file, int line)
{
	char what[200] = "";

	if (tulou_check(f->pool, what, sizeof(what)))
		print_error("%s:%d: %s\n", file, line, what);
	assert_string_equal(what, "");
}

void pool_expect_at(struct fixture *f, const char *wanted, const char *file, int line)
{
	static struct picture p;

	picture_take(&p, f->pool);
	if (strcmp(p.text, wanted))
		print_error("%s:%d:\n  have %s\n  want %s\n", file, line, p.text, wanted);
	assert_string_equal(p.text, wanted);
	pool_sound_at(f, file, line);
	assert_int_equal(machine_mapped(&f->machine), p.mapped);
}

/* SPDX-License-Identifier: MIT */
/* machine.c - see machine.h. */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = TULOU_PAGE_SIZE, BOOKS_PAGES = 192 };

const struct machine_traits machine_traits[MACHINES] = {
	[ON_SIM] = {.name = "sim",
		.guards = true,
		.locks = true,
		.advises = true,
		.shares = true,
		.reaches_behind = true,
		.coherent = true,
		.shows = true,
		.huge = true},
	[ON_FLAT] = {.name = "flat"},
	[ON_LINUX] = {.name = "linux",
		.guards = true,
		.locks = true,
		.advises = true,
		.shares = true,
		.reaches_behind = true,
		.coherent = true,
		.shows = true,
		.huge = true},
};

/* The Linux machine that is open, so that a test that failed is not in the way of the next one. */
static struct {
	uintptr_t start, end;
} left_open;

void machine_open_at(struct machine *m, enum machine_kind kind, uintptr_t start, uintptr_t end)
{
	if (left_open.end)
		munmap((void *)left_open.start, left_open.end - left_open.start);
	left_open.start = start;
	left_open.end = kind == ON_LINUX ? end : 0;
	if (kind == ON_LINUX)
		flat_arena_drop();
	*m = (struct machine){.kind = kind, .start = start, .end = end};
	if (kind == ON_SIM) {
		m->sim = sim_create(start, end);
		m->host = sim_host(m->sim);
	} else if (kind == ON_FLAT) {
		assert_int_equal(start, FLAT_START);
		flat_open(&m->flat, (end - start) / PAGE, BOOKS_PAGES, NULL);
		m->host = m->flat.host;
	} else {
		linux_machine_open(m);
	}
}

void machine_open(struct machine *m, enum machine_kind kind, size_t size)
{
	machine_open_at(m, kind, MACHINE_START, MACHINE_START + size);
}

void machine_close(struct machine *m)
{
	assert_int_equal(machine_mapped(m), 0);
	if (m->kind == ON_SIM) {
		assert_int_equal(sim_books(m->sim), 0);
		assert_int_equal(sim_handles(m->sim), 0);
		sim_destroy(m->sim);
	} else if (m->kind == ON_FLAT) {
		flat_close(&m->flat);
	}
	left_open.end = 0;
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

int machine_load(const struct machine *m, uintptr_t addr, uint8_t *value)
{
	if (m->kind == ON_SIM)
		return sim_load(m->sim, addr, value);
	if (m->kind == ON_LINUX)
		return linux_machine_load(addr, value);
	*value = *(volatile uint8_t *)addr;
	return 0;
}

int machine_store(const struct machine *m, uintptr_t addr, uint8_t value)
{
	if (m->kind == ON_SIM)
		return sim_store(m->sim, addr, value);
	if (m->kind == ON_LINUX)
		return linux_machine_store(addr, value);
	*(volatile uint8_t *)addr = value;
	return 0;
}

static void sim_pages_seen(const struct machine *m, uintptr_t start, size_t count, struct machine_page *pages)
{
	struct sim_area area;

	for (size_t i = 0; sim_area(m->sim, i, &area); i++) {
		uintptr_t addr = area.start > start ? area.start : start;

		for (; addr < area.end && addr < start + count * PAGE; addr += PAGE)
			pages[(addr - start) / PAGE] = (struct machine_page){
				.mapped = true, .prot = area.prot, .shared = area.shared, .locked = area.locked};
	}
}

void machine_pages(const struct machine *m, uintptr_t start, size_t count, struct machine_page *pages)
{
	memset(pages, 0, count * sizeof(*pages));
	if (m->kind == ON_SIM)
		sim_pages_seen(m, start, count, pages);
	else if (m->kind == ON_LINUX)
		linux_machine_pages(start, count, pages);
	else
		flat_machine_pages(m->flat.host, start, count, pages);
}

size_t machine_mapped(const struct machine *m)
{
	if (m->kind == ON_SIM)
		return sim_mapped(m->sim);
	return m->kind == ON_FLAT ? flat_usage(&m->flat).mapped : linux_machine_mapped(m->start, m->end);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

int machine_file_create(struct machine *m, uint64_t size)
{
	if (m->kind == ON_SIM)
		return sim_file_create(m->sim, size);
	return m->kind == ON_FLAT ? flat_file_create(&m->flat, size) : linux_machine_file(size);
}

int machine_file_open(struct machine *m, int fd, int access)
{
	if (m->kind == ON_SIM)
		return sim_file_open(m->sim, fd, access);
	return m->kind == ON_FLAT ? flat_file_open(&m->flat, fd, access) : linux_machine_file_open(fd, access);
}

void machine_file_close(struct machine *m, int fd)
{
	if (m->kind == ON_SIM)
		sim_file_close(m->sim, fd);
	else if (m->kind == ON_FLAT)
		flat_file_close(&m->flat, fd);
	else
		close(fd);
}

size_t machine_file_read(const struct machine *m, int fd, void *buffer, size_t size, uint64_t offset)
{
	const struct flat_test_file *file;
	ssize_t got;

	if (m->kind == ON_SIM)
		return sim_file_read(m->sim, fd, buffer, size, offset);
	if (m->kind == ON_LINUX) {
		got = pread(fd, buffer, size, (off_t)offset);
		return got < 0 ? 0 : (size_t)got;
	}
	file = m->flat.files[fd];
	size = offset >= file->size ? 0 : size < file->size - offset ? size : (size_t)(file->size - offset);
	memcpy(buffer, file->bytes + offset, size);
	return size;
}

void machine_file_write(struct machine *m, int fd, const void *buffer, size_t size, uint64_t offset)
{
	if (m->kind == ON_SIM) {
		sim_file_write(m->sim, fd, buffer, size, offset);
	} else if (m->kind == ON_LINUX) {
		assert_int_equal(pwrite(fd, buffer, size, (off_t)offset), size);
	} else {
		if (offset + size > m->flat.files[fd]->size)
			flat_file_resize(&m->flat, fd, offset + size);
		memcpy(m->flat.files[fd]->bytes + offset, buffer, size);
	}
}

void machine_file_resize(struct machine *m, int fd, uint64_t size)
{
	if (m->kind == ON_SIM)
		sim_file_truncate(m->sim, fd, size);
	else if (m->kind == ON_FLAT)
		flat_file_resize(&m->flat, fd, size);
	else
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
}

/* SPDX-License-Identifier: MIT */
/* machine_linux.c - the Linux host in this process: accesses that may fault, and the pool as /proc/self/smaps has it. */
#include "machine.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = TULOU_PAGE_SIZE };

/* ---- accesses -------------------------------------------------------------------------------------------------------------- */

static sigjmp_buf access_fault;
static volatile sig_atomic_t accessing;

/* A fault of anybody else comes again, and ends the program. */
static void on_fault(int signal)
{
	if (accessing)
		siglongjmp(access_fault, signal);
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

int linux_machine_load(uintptr_t addr, uint8_t *value)
{
	int fault = sigsetjmp(access_fault, 1);

	accessing = !fault;
	if (!fault)
		*value = *(volatile uint8_t *)addr;
	accessing = false;
	return fault;
}

int linux_machine_store(uintptr_t addr, uint8_t value)
{
	int fault = sigsetjmp(access_fault, 1);

	accessing = !fault;
	if (!fault)
		*(volatile uint8_t *)addr = value;
	accessing = false;
	return fault;
}

/* ---- what is mapped -------------------------------------------------------------------------------------------------------- */

struct smaps_area {
	uintptr_t start, end;
	int prot;
	bool shared;
};

/* The head line of an area, or false: one of the lines below it. */
static bool area_parse(const char *line, struct smaps_area *area)
{
	char perms[5];

	if (sscanf(line, "%lx-%lx %4s", &area->start, &area->end, perms) != 3)
		return false;
	area->prot = (perms[0] == 'r') * PROT_READ | (perms[1] == 'w') * PROT_WRITE | (perms[2] == 'x') * PROT_EXEC;
	area->shared = perms[3] == 's';
	return true;
}

static void pages_paint(const struct smaps_area *area, bool locked, uintptr_t start, size_t count, struct machine_page *pages)
{
	uintptr_t addr = area->start > start ? area->start : start;

	for (; addr < area->end && addr < start + count * PAGE; addr += PAGE)
		pages[(addr - start) / PAGE] =
			(struct machine_page){.mapped = true, .prot = area->prot, .shared = area->shared, .locked = locked};
}

void linux_machine_pages(uintptr_t start, size_t count, struct machine_page *pages)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	struct smaps_area area = {0}, next;
	char line[512];

	assert_non_null(smaps);
	while (area.start < start + count * PAGE && fgets(line, sizeof(line), smaps)) {
		if (area_parse(line, &next))
			area = next;
		else if (!strncmp(line, "VmFlags:", 8))
			pages_paint(&area, strstr(line, " lo") != NULL, start, count, pages);
	}
	fclose(smaps);
}

size_t linux_machine_mapped(uintptr_t start, uintptr_t end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	struct smaps_area area = {0};
	size_t mapped = 0;
	char line[512];

	assert_non_null(maps);
	while (area.start < end && fgets(line, sizeof(line), maps)) {
		assert_true(area_parse(line, &area));
		if (area.start >= start && area.end <= end)
			mapped += area.end - area.start;
	}
	fclose(maps);
	return mapped;
}

/* ---- the host, files ------------------------------------------------------------------------------------------------------- */

void linux_machine_open(struct machine *m)
{
	const struct sigaction catch = {.sa_handler = on_fault};

	assert_int_equal(linux_machine_mapped(m->start, m->end), 0);
	sigaction(SIGSEGV, &catch, NULL);
	sigaction(SIGBUS, &catch, NULL);
	linux_host_init(&m->linux_host, NULL, 0);
	m->host = &m->linux_host.host;
}

int linux_machine_file(uint64_t size)
{
	int fd = memfd_create("tulou-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

int linux_machine_file_open(int fd, int access)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, access | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

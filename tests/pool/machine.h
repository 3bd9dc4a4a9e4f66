/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a host under test, with its memory and its files: what a program does by itself, without the core.
 *
 *     sim     data; accesses are calls, which answer the fault
 *     flat    an arena of this process; files in memory (flat_fixture.h)
 *     linux   pages of this process at MACHINE_START; accesses are the processor's, files are memfds
 *
 * A test that runs on all of them asks the traits where they answer differently, never which host it is on.
 */
#ifndef TESTS_POOL_MACHINE_H
#define TESTS_POOL_MACHINE_H

#include "flat_fixture.h"
#include "host/linux/linux_host.h"
#include "host/sim/sim.h"

enum machine_kind { ON_SIM, ON_FLAT, ON_LINUX, MACHINES };

/* Free in a test program on Linux, with sanitizers too. */
#define MACHINE_START FLAT_START

/* Where the hosts differ by contract (host.h, flat.h): the one place that says so. */
struct machine_traits {
	const char *name;
	bool guards; /* perms are kept: an access that they forbid is SIGSEGV, one past a file's end SIGBUS. Else it goes through */
	bool locks; /* mlock and mincore. Else ENOSYS */
	bool advises; /* all advice of madvise(2). Else MADV_DONTNEED, and EINVAL for the others */
	bool shares; /* a page of a file or of shared memory can be at two addresses. Else ENODEV for files, EINVAL for views */
	bool reaches_behind; /* pages behind a file's end can be mapped, and SIGBUS. Else ENXIO */
	bool coherent; /* a shared mapping is the file. Else the file changes with msync and munmap */
	bool shows; /* its own map can be asked for perms, sharing, locks. Else only for what is mapped */
	bool huge; /* a pool of many TiB */
};
extern const struct machine_traits machine_traits[MACHINES];

struct machine {
	enum machine_kind kind;
	uintptr_t start, end; /* the pool */
	const struct tulou_host *host;
	struct sim *sim; /* each on its kind only */
	struct flat_fixture flat;
	struct linux_host linux_host;
};

/* Hosts a pool of `size` bytes at MACHINE_START; on sim and linux, any other place with machine_open_at. */
void machine_open(struct machine *m, enum machine_kind kind, size_t size);
void machine_open_at(struct machine *m, enum machine_kind kind, uintptr_t start, uintptr_t end);
/* Nothing may be mapped any more. */
void machine_close(struct machine *m);

/* 0, or the fault: SIM_SEGV, SIM_BUS. */
int machine_load(const struct machine *m, uintptr_t addr, uint8_t *value);
int machine_store(const struct machine *m, uintptr_t addr, uint8_t value);

/* What the host says of a page. Without the trait `shows` only `mapped`. */
struct machine_page {
	bool mapped, shared, locked;
	int prot;
};
void machine_pages(const struct machine *m, uintptr_t start, size_t count, struct machine_page *pages);
size_t machine_mapped(const struct machine *m); /* bytes of the pool */

/* ---- files: as memfd_create(2), open(2), close(2), pread(2), pwrite(2), ftruncate(2) ---- */
int machine_file_create(struct machine *m, uint64_t size);
int machine_file_open(struct machine *m, int fd, int access);
void machine_file_close(struct machine *m, int fd);
size_t machine_file_read(const struct machine *m, int fd, void *buffer, size_t size, uint64_t offset);
void machine_file_write(struct machine *m, int fd, const void *buffer, size_t size, uint64_t offset);
void machine_file_resize(struct machine *m, int fd, uint64_t size);

/* ---- machine_flat.c: what only the flat host's own bits know ---- */
void flat_machine_pages(const struct tulou_host *host, uintptr_t start, size_t count, struct machine_page *pages);

/* ---- machine_linux.c: the Linux part ---- */
void linux_machine_open(struct machine *m);
int linux_machine_load(uintptr_t addr, uint8_t *value);
int linux_machine_store(uintptr_t addr, uint8_t value);
void linux_machine_pages(uintptr_t start, size_t count, struct machine_page *pages);
size_t linux_machine_mapped(uintptr_t start, uintptr_t end);
int linux_machine_file(uint64_t size);
int linux_machine_file_open(int fd, int access);

#endif

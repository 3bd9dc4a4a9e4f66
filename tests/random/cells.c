/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "files.h"
#include "required.h"

enum { CELLS_MAX = 1024, NAME_SIZE = 80 };

static struct cell {
	char name[NAME_SIZE]; /* call, flags, answer */
	unsigned counts[SPREAD_COUNT];
} cells[CELLS_MAX];
static unsigned cell_count;

static struct cell *cell_find(const char *name)
{
	for (unsigned i = 0; i < cell_count; i++)
		if (strcmp(cells[i].name, name) == 0)
			return &cells[i];
	return NULL;
}

static struct cell *cell_get(const char *name)
{
	struct cell *cell = cell_find(name);

	if (!cell) {
		if (cell_count == CELLS_MAX) {
			fputs("random_compare: more cells than expected\n", stderr);
			exit(125);
		}
		cell = &cells[cell_count++];
		snprintf(cell->name, NAME_SIZE, "%s", name);
	}
	return cell;
}

/* ---- the flag column ------------------------------------------------------------------------------------------------------- */
static const char *mmap_kind(const struct request *req)
{
	static const char *const anonymous[] = {"no-type", "anon-shared", "anon-private", "anon-validate"};
	static const char *const file[] = {"no-type", "file-shared", "file-private", "file-validate"};
	int type = req->flags & MAP_TYPE;

	return type > 3 ? "no-type" : req->flags & MAP_ANONYMOUS ? anonymous[type] : file[type];
}

static const char *mmap_where(const struct request *req)
{
	if (req->flags & MAP_FIXED_NOREPLACE)
		return "noreplace";
	if (req->flags & MAP_FIXED)
		return "fixed";
	if (req->flags & MAP_32BIT)
		return "32bit";
	return req->addr ? "hint" : "any";
}

static void mremap_flags(char *out, const struct request *req)
{
	const char *size = !req->size                          ? "zero"
			   : req->new_size + PAGE <= req->size ? "shrink"
			   : req->new_size >= req->size + PAGE ? "grow"
							       : "same";
	static const char *const flags[] = {
		"0", "maymove", "fixed-only", "fixed", "dontunmap-only", "dontunmap", "bad", "fixed-dontunmap"};

	snprintf(out, NAME_SIZE / 2, "%s %s", size, req->flags & ~7 ? "bad" : flags[req->flags & 7]);
}

static void msync_flags(char *out, const struct request *req)
{
	static const char *const flags[] = {
		"0", "async", "invalidate", "async-invalidate", "sync", "async-sync", "sync-invalidate", "bad"};

	snprintf(out, NAME_SIZE / 2, "%s", req->flags & ~7 ? "bad" : flags[req->flags & 7]);
}

static void flags_name(char *out, const struct request *req)
{
	switch (req->call) {
	case CALL_MMAP:
		snprintf(out, NAME_SIZE / 2, "%s %s", mmap_kind(req), mmap_where(req));
		break;
	case CALL_MREMAP:
		mremap_flags(out, req);
		break;
	case CALL_MSYNC:
		msync_flags(out, req);
		break;
	case CALL_MPROTECT:
		snprintf(out, NAME_SIZE / 2, "%s",
			req->prot & ~0xf         ? "bad-prot"
			: req->prot & PROT_WRITE ? "writable"
						 : "not-writable");
		break;
	case CALL_MADVISE:
		snprintf(out, NAME_SIZE / 2, "%s", advice_name(req->flags));
		break;
	case CALL_MLOCK:
		snprintf(out, NAME_SIZE / 2, "%s",
			!req->prot        ? "munlock"
			: req->prot == 1  ? "mlock"
			: req->flags & ~1 ? "bad"
			: req->flags      ? "onfault"
					  : "mlock2");
		break;
	case CALL_MLOCKALL:
		snprintf(out, NAME_SIZE / 2, "%s", !req->prot ? "unlock" : req->flags & 4 ? "onfault" : "lock");
		break;
	case CALL_TRUNCATE:
	case CALL_WRITE:
	case CALL_READ:
	case CALL_CLOSE:
	case CALL_SEAL:
		snprintf(out, NAME_SIZE / 2, "%s", file_name(req->file));
		break;
	default:
		snprintf(out, NAME_SIZE / 2, "-");
		break;
	}
}

/* ---- the answer column ----------------------------------------------------------------------------------------------------- */
static const char *touch_answer(long result)
{
	int signal = result >> 32 & 0xff, code = result >> 40 & 0xff;

	if (!signal)
		return "ok";
	if (signal == SIGBUS)
		return code == BUS_ADRERR ? "SIGBUS ADRERR" : "SIGBUS other";
	return code == SEGV_MAPERR ? "SIGSEGV MAPERR" : code == SEGV_ACCERR ? "SIGSEGV ACCERR" : "SIGSEGV other";
}

static const char *answer_name(const struct outcome *outcome)
{
	const struct request *req = &outcome->request;

	if (call_touches(req->call))
		return touch_answer(outcome->result);
	if (req->call == CALL_BRK)
		return !req->addr ? "asked" : (uintptr_t)outcome->result == req->addr ? "moved" : "refused";
	if (req->call == CALL_MREMAP && outcome->result > 0)
		return (uintptr_t)outcome->result == req->addr ? "in-place" : "moved";
	return outcome->result < 0 && outcome->result > -4096 ? errno_name((int)-outcome->result) : "ok";
}

void cells_count(const struct world *world, const struct outcome *outcome)
{
	char flags[NAME_SIZE / 2], name[NAME_SIZE];

	(void)world;
	if (call_touches(outcome->request.call) && !outcome->request.size)
		return; /* all of it was the other process's */
	flags_name(flags, &outcome->request);
	snprintf(name, sizeof(name), "%s %s %s", call_name(outcome->request.call), flags, answer_name(outcome));
	cell_get(name)->counts[outcome->spread]++;
}

/* ---- the report ------------------------------------------------------------------------------------------------------------ */
static int cell_order(const void *left, const void *right)
{
	return strcmp(((const struct cell *)left)->name, ((const struct cell *)right)->name);
}

void cells_print(FILE *out)
{
	qsort(cells, cell_count, sizeof(cells[0]), cell_order);
	fprintf(out, "%-52s %8s %8s %8s %8s\n", "call, flags, answer", "no area", "one", "areas", "chunks");
	for (unsigned i = 0; i < cell_count; i++)
		fprintf(out, "%-52s %8u %8u %8u %8u\n", cells[i].name, cells[i].counts[SPREAD_NONE],
			cells[i].counts[SPREAD_ONE_AREA], cells[i].counts[SPREAD_MANY_AREAS],
			cells[i].counts[SPREAD_MANY_CHUNKS]);
}

unsigned cells_missing(FILE *out, unsigned have)
{
	static const char *const spreads[] = {"no area", "one area", "many areas", "many chunks"};
	unsigned missing = 0;

	for (unsigned i = 0; i < required_count * SPREAD_COUNT; i++) {
		const struct required *need = &required[i / SPREAD_COUNT];
		unsigned spread = i % SPREAD_COUNT;
		const struct cell *cell = cell_find(need->name);
		unsigned count = cell ? cell->counts[spread] : 0;

		if (!(need->spreads & 1u << spread) || count >= CELL_MINIMUM || need->needs & ~have)
			continue;
		fprintf(out, "required cell too thin: %s, %s: %u of %d\n", need->name, spreads[spread], count, CELL_MINIMUM);
		missing++;
	}
	return missing;
}

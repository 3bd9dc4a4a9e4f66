/* SPDX-License-Identifier: MIT */
/* print.c - calls and results as a reader of C expects them. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "files.h"
#include "sequence.h"

struct flag_name {
	int flag;
	const char *name;
};

#define NAME(prefix, flag) \
	{ \
		prefix##flag, #prefix #flag \
	}

static const struct flag_name prot_names[] = {
	NAME(PROT_, READ),
	NAME(PROT_, WRITE),
	NAME(PROT_, EXEC),
	NAME(PROT_, GROWSDOWN),
	NAME(PROT_, GROWSUP),
	{0, NULL},
};
static const struct flag_name map_names[] = {
	NAME(MAP_, ANONYMOUS),
	NAME(MAP_, FIXED),
	NAME(MAP_, FIXED_NOREPLACE),
	NAME(MAP_, 32BIT),
	NAME(MAP_, NORESERVE),
	NAME(MAP_, POPULATE),
	NAME(MAP_, STACK),
	NAME(MAP_, DENYWRITE),
	NAME(MAP_, EXECUTABLE),
	NAME(MAP_, GROWSDOWN),
	NAME(MAP_, SYNC),
	{0, NULL},
};
static const struct flag_name mremap_names[] = {
	NAME(MREMAP_, MAYMOVE),
	NAME(MREMAP_, FIXED),
	NAME(MREMAP_, DONTUNMAP),
	{0, NULL},
};
static const struct flag_name msync_names[] = {NAME(MS_, ASYNC), NAME(MS_, INVALIDATE), NAME(MS_, SYNC), {0, NULL}};

static void flags_print(FILE *out, const struct flag_name *names, int flags, const char *zero)
{
	const char *between = "";

	if (!flags) {
		fputs(zero, out);
		return;
	}
	for (; names->name; names++) {
		if (flags & names->flag) {
			fprintf(out, "%s%s", between, names->name);
			flags &= ~names->flag;
			between = " | ";
		}
	}
	if (flags)
		fprintf(out, "%s0x%x", between, (unsigned)flags);
}

static void map_flags_print(FILE *out, int flags)
{
	static const char *const types[] = {"0", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"};

	if ((flags & MAP_TYPE) < 4)
		fputs(types[flags & MAP_TYPE], out);
	else
		fprintf(out, "0x%x", (unsigned)(flags & MAP_TYPE));
	if (flags & ~MAP_TYPE)
		fputs(" | ", out);
	flags_print(out, map_names, flags & ~MAP_TYPE, "");
}

void address_print(FILE *out, const struct world *world, uintptr_t addr)
{
	if (addr >= world->start && addr <= world->end)
		fprintf(out, "A+0x%lx", (unsigned long)(addr - world->start));
	else
		fprintf(out, "0x%lx", (unsigned long)addr);
}

static void mmap_print(FILE *out, const struct request *req)
{
	fprintf(out, ", 0x%lx, ", (unsigned long)req->size);
	flags_print(out, prot_names, req->prot, "PROT_NONE");
	fputs(", ", out);
	map_flags_print(out, req->flags);
	fprintf(out, ", %s, 0x%llx)", file_name(req->file), (unsigned long long)req->offset);
}

static void mremap_print(FILE *out, const struct world *world, const struct request *req)
{
	fprintf(out, ", 0x%lx, 0x%lx, ", (unsigned long)req->size, (unsigned long)req->new_size);
	flags_print(out, mremap_names, req->flags, "0");
	fputs(", ", out);
	address_print(out, world, req->new_addr);
	fputs(")", out);
}

const char *advice_name(int advice)
{
	static const char *const names[] = {"normal", "random", "sequential", "willneed", "dontneed", NULL, NULL, NULL, "free",
		"remove", "dontfork", "dofork", "mergeable", "unmergeable", "hugepage", "nohugepage", "dontdump", "dodump",
		"wipeonfork", "keeponfork", "cold", "pageout", "populate-read", "populate-write", "dontneed-locked"};

	return advice >= 0 && advice < (int)(sizeof(names) / sizeof(names[0])) && names[advice] ? names[advice] : "unknown";
}

void request_print(FILE *out, const struct world *world, const struct request *req)
{
	static const char *const names[] = {"mmap", "munmap", "mremap", "mprotect", "brk", "msync", "madvise", "store", "load"};

	fprintf(out, "%s(", names[req->call]);
	address_print(out, world, req->addr);
	if (req->call == CALL_MMAP) {
		mmap_print(out, req);
		return;
	}
	if (req->call == CALL_MREMAP) {
		mremap_print(out, world, req);
		return;
	}
	if (req->call != CALL_BRK)
		fprintf(out, ", 0x%lx", (unsigned long)req->size);
	if (req->call == CALL_MPROTECT || req->call == CALL_MSYNC) {
		fputs(", ", out);
		flags_print(out, req->call == CALL_MSYNC ? msync_names : prot_names,
			req->call == CALL_MSYNC ? req->flags : req->prot, req->call == CALL_MSYNC ? "0" : "PROT_NONE");
	} else if (req->call == CALL_MADVISE) {
		fprintf(out, ", %d (%s)", req->flags, advice_name(req->flags));
	} else if (req->call == CALL_STORE) {
		fprintf(out, ", 0x%02x", req->value);
	}
	fputs(")", out);
}

const char *errno_name(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "?";
}

void result_print(FILE *out, const struct world *world, const struct request *req, long result)
{
	if (req->call == CALL_STORE || req->call == CALL_LOAD) {
		fprintf(out, "%ld pages", result & 0xffffffff);
		if (result >> 32)
			fprintf(out, ", then signal %ld code %ld", result >> 32 & 0xff, result >> 40);
	} else if (result < 0 && result > -4096) {
		fputs(errno_name((int)-result), out);
	} else if (req->call == CALL_MMAP || req->call == CALL_MREMAP || req->call == CALL_BRK) {
		address_print(out, world, (uintptr_t)result);
	} else {
		fprintf(out, "%ld", result);
	}
}

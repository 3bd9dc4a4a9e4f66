/* SPDX-License-Identifier: MIT */
/* print.c - calls and results as a reader of C expects them. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <tulou/abi.h>

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
	NAME(MAP_, LOCKED),
	NAME(MAP_, NONBLOCK),
	NAME(MAP_, HUGETLB),
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
		"wipeonfork", "keeponfork", "cold", "pageout", "populate-read", "populate-write", "dontneed-locked", "collapse"};

	if (advice == TULOU_MADV_GUARD_INSTALL || advice == TULOU_MADV_GUARD_REMOVE)
		return advice == TULOU_MADV_GUARD_INSTALL ? "guard-install" : "guard-remove";
	return advice >= 0 && advice < (int)(sizeof(names) / sizeof(names[0])) && names[advice] ? names[advice] : "unknown";
}

const char *call_name(enum call_kind call)
{
	static const char *const names[CALL_COUNT] = {"mmap", "munmap", "mremap", "mprotect", "brk", "msync", "madvise",
		"mincore", "mlock", "mlockall", "mseal", "ftruncate", "pwrite", "pread", "close", "add_seals", "store", "load"};

	return names[call];
}

static void file_call_print(FILE *out, const struct request *req)
{
	fprintf(out, "%s(%s", call_name(req->call), file_name(req->file));
	if (req->call == CALL_WRITE)
		fprintf(out, ", 0x%02x …", req->value);
	if (req->call == CALL_WRITE || req->call == CALL_READ)
		fprintf(out, ", %zu", req->size);
	if (req->call == CALL_SEAL)
		fprintf(out, ", 0x%x", (unsigned)req->flags);
	else if (req->call != CALL_CLOSE)
		fprintf(out, ", 0x%llx", (unsigned long long)req->offset);
	fputs(")", out);
}

/* What stands behind the address and the size. */
static void arguments_print(FILE *out, const struct request *req)
{
	switch (req->call) {
	case CALL_MPROTECT:
		fputs(", ", out);
		flags_print(out, prot_names, req->prot, "PROT_NONE");
		fputs(req->flags ? ", -1" : "", out);
		break;
	case CALL_MSYNC:
		fputs(", ", out);
		flags_print(out, msync_names, req->flags, "0");
		break;
	case CALL_MADVISE:
		fprintf(out, ", %d /* %s */", req->flags, advice_name(req->flags));
		break;
	case CALL_MLOCK:
		if (req->prot == 2)
			fprintf(out, ", %d", req->flags);
		break;
	case CALL_MSEAL:
		fprintf(out, ", %d", req->flags);
		break;
	case CALL_STORE:
		fprintf(out, ", 0x%02x", req->value);
		break;
	default:
		break;
	}
}

static const char *exact_name(const struct request *req)
{
	static const char *const locks[] = {"munlock", "mlock", "mlock2"};

	if (req->call == CALL_MLOCK)
		return locks[req->prot];
	if (req->call == CALL_MPROTECT && req->flags)
		return "pkey_mprotect";
	return req->call == CALL_MLOCKALL && !req->prot ? "munlockall" : call_name(req->call);
}

void request_print(FILE *out, const struct world *world, const struct request *req)
{
	if (world->pair)
		fprintf(out, "%u: ", req->who);
	if (call_is_of_file(req->call)) {
		file_call_print(out, req);
		return;
	}
	fprintf(out, "%s(", exact_name(req));
	if (req->call == CALL_MLOCKALL) {
		fprintf(out, req->prot ? "%d)" : ")", req->flags);
		return;
	}
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
	arguments_print(out, req);
	fputs(")", out);
}

const char *errno_name(int number)
{
	const char *name = strerrorname_np(number);

	return name ? name : "?";
}

void result_print(FILE *out, const struct world *world, const struct request *req, long result)
{
	if (call_touches(req->call)) {
		fprintf(out, "%ld pages", result & 0xffffffff);
		if (result >> 32)
			fprintf(out, ", then signal %ld code %ld%s", result >> 32 & 0xff, result >> 40 & 0xff,
				result >> 48 ? " at another address" : "");
	} else if (result < 0 && result > -4096) {
		fputs(errno_name((int)-result), out);
	} else if (req->call == CALL_MMAP || req->call == CALL_MREMAP || req->call == CALL_BRK) {
		address_print(out, world, (uintptr_t)result);
	} else if (req->call == CALL_READ) {
		fprintf(out, "%ld bytes (%08lx)", result & 0xffffffff, result >> 32);
	} else {
		fprintf(out, "%ld", result);
	}
}

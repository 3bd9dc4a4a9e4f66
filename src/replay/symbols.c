/* SPDX-License-Identifier: MIT */
/* symbols.c - two tables, looked up by name. Values: the kernel's uapi headers, through libc's. */
#include "symbols.h"

#include <errno.h>
#include <linux/mman.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

struct symbol {
	const char *name;
	uint64_t value;
};

#define SYMBOL(name) \
	{ \
#name, (uint64_t)(name) \
	}

static const struct symbol symbols[] = {
	{"NULL", 0},
	SYMBOL(PROT_NONE),
	SYMBOL(PROT_READ),
	SYMBOL(PROT_WRITE),
	SYMBOL(PROT_EXEC),
	{"PROT_SEM", 8},
	SYMBOL(PROT_GROWSDOWN),
	SYMBOL(PROT_GROWSUP),
	{"MAP_FILE", 0},
	SYMBOL(MAP_SHARED),
	SYMBOL(MAP_PRIVATE),
	SYMBOL(MAP_SHARED_VALIDATE),
	SYMBOL(MAP_FIXED),
	SYMBOL(MAP_ANONYMOUS),
	{"MAP_ANON", MAP_ANONYMOUS},
	SYMBOL(MAP_32BIT),
	SYMBOL(MAP_GROWSDOWN),
	SYMBOL(MAP_DENYWRITE),
	SYMBOL(MAP_EXECUTABLE),
	SYMBOL(MAP_LOCKED),
	SYMBOL(MAP_NORESERVE),
	SYMBOL(MAP_POPULATE),
	SYMBOL(MAP_NONBLOCK),
	SYMBOL(MAP_STACK),
	SYMBOL(MAP_HUGETLB),
	SYMBOL(MAP_SYNC),
	SYMBOL(MAP_FIXED_NOREPLACE),
	{"MAP_UNINITIALIZED", 0x4000000},
	SYMBOL(MREMAP_MAYMOVE),
	SYMBOL(MREMAP_FIXED),
	{"MREMAP_DONTUNMAP", 4},
	SYMBOL(MS_ASYNC),
	SYMBOL(MS_INVALIDATE),
	SYMBOL(MS_SYNC),
	SYMBOL(MADV_NORMAL),
	SYMBOL(MADV_RANDOM),
	SYMBOL(MADV_SEQUENTIAL),
	SYMBOL(MADV_WILLNEED),
	SYMBOL(MADV_DONTNEED),
	SYMBOL(MADV_FREE),
	SYMBOL(MADV_REMOVE),
	SYMBOL(MADV_DONTFORK),
	SYMBOL(MADV_DOFORK),
	SYMBOL(MADV_MERGEABLE),
	SYMBOL(MADV_UNMERGEABLE),
	SYMBOL(MADV_HUGEPAGE),
	SYMBOL(MADV_NOHUGEPAGE),
	SYMBOL(MADV_DONTDUMP),
	SYMBOL(MADV_DODUMP),
	SYMBOL(MADV_WIPEONFORK),
	SYMBOL(MADV_KEEPONFORK),
	SYMBOL(MADV_COLD),
	SYMBOL(MADV_PAGEOUT),
	{"MADV_POPULATE_READ", 22},
	{"MADV_POPULATE_WRITE", 23},
	{"MADV_DONTNEED_LOCKED", 24},
	{"MADV_COLLAPSE", 25},
	{"MADV_HWPOISON", 100},
	{"MADV_SOFT_OFFLINE", 101},
	{"MLOCK_ONFAULT", 1},
	SYMBOL(MCL_CURRENT),
	SYMBOL(MCL_FUTURE),
	SYMBOL(MCL_ONFAULT),
	SYMBOL(CLONE_VM),
	SYMBOL(CLONE_VFORK),
	SYMBOL(CLONE_THREAD),
};

static const struct symbol errors[] = {
	SYMBOL(EPERM),
	SYMBOL(ENOENT),
	SYMBOL(ESRCH),
	SYMBOL(EINTR),
	SYMBOL(EIO),
	SYMBOL(E2BIG),
	SYMBOL(ENOEXEC),
	SYMBOL(EBADF),
	SYMBOL(ECHILD),
	SYMBOL(EAGAIN),
	SYMBOL(ENOMEM),
	SYMBOL(EACCES),
	SYMBOL(EFAULT),
	SYMBOL(EBUSY),
	SYMBOL(EEXIST),
	SYMBOL(ENODEV),
	SYMBOL(ENOTDIR),
	SYMBOL(EISDIR),
	SYMBOL(EINVAL),
	SYMBOL(ENFILE),
	SYMBOL(EMFILE),
	SYMBOL(ETXTBSY),
	SYMBOL(ENAMETOOLONG),
	SYMBOL(ENOSYS),
	SYMBOL(ELOOP),
	SYMBOL(ELIBBAD),
	SYMBOL(EOVERFLOW),
	SYMBOL(EUCLEAN),
	SYMBOL(EOPNOTSUPP),
	SYMBOL(EHWPOISON),
};

static const struct symbol *find(const struct symbol *table, size_t count, const char *name, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(table[i].name, name, size) && !table[i].name[size])
			return &table[i];
	return NULL;
}

bool symbol_find(const char *name, size_t size, uint64_t *value)
{
	const struct symbol *symbol = find(symbols, sizeof(symbols) / sizeof(*symbols), name, size);

	if (symbol)
		*value = symbol->value;
	return symbol;
}

const char *symbol_name(const char *prefix, uint64_t value)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++)
		if (symbols[i].value == value && !strncmp(symbols[i].name, prefix, strlen(prefix)))
			return symbols[i].name;
	return prefix;
}

int error_find(const char *name, size_t size)
{
	const struct symbol *symbol = find(errors, sizeof(errors) / sizeof(*errors), name, size);

	return symbol ? (int)symbol->value : 0;
}

const char *error_name(int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].value == (uint64_t)error)
			return errors[i].name;
	return "error";
}

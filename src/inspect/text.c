/* SPDX-License-Identifier: MIT */
/* text.c - sizes, permissions and names as text. */
#include "text.h"

#include "base/format.h"

void text_size(char out[static 16], size_t size)
{
	static const char units[] = "KMGTP";
	unsigned unit = 0;
	size_t tenths = size / 1024 * 10 + size % 1024 * 10 / 1024;

	while (tenths >= 10240 && unit + 2 < sizeof(units)) {
		tenths /= 1024;
		unit++;
	}
	format(out, 16, "%zu.%zu %ciB", tenths / 10, tenths % 10, units[unit]);
}

void text_perms(char out[static 5], int prot, int flags)
{
	out[0] = prot & TULOU_PROT_READ ? 'r' : '-';
	out[1] = prot & TULOU_PROT_WRITE ? 'w' : '-';
	out[2] = prot & TULOU_PROT_EXEC ? 'x' : '-';
	out[3] = flags & TULOU_MAP_SHARED ? 's' : 'p';
	out[4] = '\0';
}

const char *text_name(enum tulou_area_kind kind, int flags)
{
	if (kind == TULOU_AREA_HEAP)
		return "[heap]";
	if (kind == TULOU_AREA_STACK)
		return "[stack]";
	return kind == TULOU_AREA_MMAP && flags & TULOU_MAP_SHARED && flags & TULOU_MAP_ANONYMOUS ? "/dev/zero (deleted)" : "";
}

unsigned text_dev_major(uint64_t dev)
{
	return (unsigned)(dev >> 8 & 0xfff);
}

unsigned text_dev_minor(uint64_t dev)
{
	return (unsigned)((dev & 0xff) | (dev >> 12 & 0xfff00));
}

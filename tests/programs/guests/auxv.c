/* SPDX-License-Identifier: MIT */
/* auxv - the start of the program as the kernel's contract says: auxiliary vector, stack alignment, vdso. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include "expect.h"

extern char **environ;
extern char etext, edata, end;

static const ElfW(auxv_t) * vector(void)
{
	char **at = environ;

	while (*at)
		at++;
	return (const ElfW(auxv_t) *)(at + 1);
}

/* Every entry that this program knows: printed when its value is the same in every run. */
static void check_entry(const ElfW(auxv_t) * entry, const char *self)
{
	const ElfW(Phdr) *phdr = (const void *)getauxval(AT_PHDR);
	uint64_t value = entry->a_un.a_val;

	switch (entry->a_type) {
	case AT_PHDR:
		EXPECT(phdr->p_type == PT_PHDR || phdr->p_type == PT_LOAD);
		break;
	case AT_ENTRY:
		EXPECT(value < (uintptr_t)&etext && value > (uintptr_t)&etext - (1 << 20));
		break;
	case AT_BASE:
		EXPECT(value == 0 || memcmp((void *)value, ELFMAG, SELFMAG) == 0);
		break;
	case AT_RANDOM:
		EXPECT(memcmp((void *)value, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) != 0);
		break;
	case AT_EXECFN:
		EXPECT(strcmp((char *)value, self) == 0);
		break;
	case AT_PLATFORM:
		EXPECT(strcmp((char *)value, "x86_64") == 0);
		break;
	case AT_SYSINFO_EHDR:
		EXPECT(memcmp((void *)value, ELFMAG, SELFMAG) == 0);
		break;
	case AT_UID:
		EXPECT(value == getuid());
		break;
	case AT_EUID:
		EXPECT(value == geteuid());
		break;
	case AT_GID:
		EXPECT(value == getgid());
		break;
	case AT_EGID:
		EXPECT(value == getegid());
		break;
	default:
		printf("auxv %lu = %lu\n", (unsigned long)entry->a_type, (unsigned long)value);
		break;
	}
}

static void check_clock(void)
{
	struct timespec before, after;

	EXPECT(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	for (int i = 0; i < 10000; i++)
		EXPECT(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
	EXPECT(after.tv_sec > before.tv_sec || (after.tv_sec == before.tv_sec && after.tv_nsec > before.tv_nsec));
	EXPECT(clock_gettime(CLOCK_REALTIME, &after) == 0 && after.tv_sec > 1600000000);
}

int main(int argc, char **argv)
{
	void *local = __builtin_frame_address(0);
	unsigned found = 0;

	EXPECT(argc == 1);
	EXPECT(((uintptr_t)local & 15) == 0);
	EXPECT(((uintptr_t)(argv - 1) & 15) == 0 && *(long *)(argv - 1) == argc);
	for (const ElfW(auxv_t) *entry = vector(); entry->a_type != AT_NULL; entry++) {
		check_entry(entry, argv[0]);
		if (entry->a_type != AT_HWCAP) /* which glibc replaces */
			EXPECT(getauxval(entry->a_type) == entry->a_un.a_val);
		if (entry->a_type < 32)
			found |= 1u << entry->a_type;
	}
	printf("found %#x\n", found);
	check_clock();
	EXPECT(malloc(100) != NULL);
	return 0;
}

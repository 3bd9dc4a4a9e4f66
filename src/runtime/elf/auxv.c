/* SPDX-License-Identifier: MIT */
#include "runtime/elf/auxv.h"

#include <linux/elf.h>
#include <tulou/abi.h>
#include "host/linux/syscall.h"

bool auxv_get(const unsigned long *auxv, unsigned long type, unsigned long *value)
{
	for (; auxv && auxv[0] != AT_NULL; auxv += 2) {
		if (auxv[0] != type)
			continue;
		*value = auxv[1];
		return true;
	}
	return false;
}

struct filler {
	struct auxv_pair *out;
	size_t count;
	const unsigned long *host_auxv;
};

static void put(struct filler *f, unsigned long type, unsigned long value)
{
	f->out[f->count++] = (struct auxv_pair){type, value};
}

/* What belongs to machine and kernel: as the runtime got it, or not at all. */
static void put_host(struct filler *f, unsigned long type)
{
	unsigned long value;
	if (auxv_get(f->host_auxv, type, &value))
		put(f, type, value);
}

size_t auxv_fill(struct auxv_pair *out, const struct auxv_program *program, const unsigned long *host_auxv)
{
	struct filler f = {.out = out, .host_auxv = host_auxv};
	put_host(&f, AT_SYSINFO_EHDR);
	put_host(&f, AT_MINSIGSTKSZ);
	put_host(&f, AT_HWCAP);
	put(&f, AT_PAGESZ, TULOU_PAGE_SIZE);
	put_host(&f, AT_CLKTCK);
	put(&f, AT_PHDR, program->phdr);
	put(&f, AT_PHENT, sizeof(struct elf64_phdr));
	put(&f, AT_PHNUM, program->phnum);
	put(&f, AT_BASE, program->base);
	put(&f, AT_FLAGS, 0);
	put(&f, AT_ENTRY, program->entry);
	put(&f, AT_UID, (unsigned long)sys0(__NR_getuid));
	put(&f, AT_EUID, (unsigned long)sys0(__NR_geteuid));
	put(&f, AT_GID, (unsigned long)sys0(__NR_getgid));
	put(&f, AT_EGID, (unsigned long)sys0(__NR_getegid));
	put(&f, AT_SECURE, 0);
	put(&f, AT_RANDOM, program->random);
	put_host(&f, AT_HWCAP2);
	put_host(&f, AT_HWCAP3);
	put_host(&f, AT_HWCAP4);
	put(&f, AT_EXECFN, program->execfn);
	put(&f, AT_PLATFORM, program->platform);
	put_host(&f, AT_RSEQ_FEATURE_SIZE);
	put_host(&f, AT_RSEQ_ALIGN);
	put(&f, AT_NULL, 0);
	return f.count;
}

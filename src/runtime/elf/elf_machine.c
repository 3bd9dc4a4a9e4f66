/* SPDX-License-Identifier: MIT */
#include "runtime/elf/elf_machine.h"

#include <stdint.h>

/* Names as uname -m has them. */
#define OTHER(name) "ELF file for another machine (" name ")"

static const struct {
	uint16_t machine;
	const char *why;
} others[] = {
	{EM_386, OTHER("i386")},
	{EM_68K, OTHER("m68k")},
	{EM_MIPS, OTHER("mips")},
	{EM_PPC, OTHER("ppc")},
	{EM_PPC64, OTHER("ppc64")},
	{EM_S390, OTHER("s390x")},
	{EM_ARM, OTHER("arm")},
	{EM_SPARCV9, OTHER("sparc64")},
	{EM_AARCH64, OTHER("aarch64")},
	{EM_RISCV, OTHER("riscv")},
	{EM_LOONGARCH, OTHER("loongarch")},
};

const char *elf_machine_why(const struct elf64_hdr *header)
{
	uint16_t machine = header->e_machine;
	if (header->e_ident[EI_DATA] == ELFDATA2MSB)
		machine = (uint16_t)(machine << 8 | machine >> 8);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].machine == machine)
			return others[i].why;
	return "ELF file for another machine";
}

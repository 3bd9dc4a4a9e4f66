/* SPDX-License-Identifier: MIT */
/* elf_machine.h - words for ELF files that are made for some other processor. */
#ifndef TULOU_RUNTIME_ELF_MACHINE_H
#define TULOU_RUNTIME_ELF_MACHINE_H

#include <linux/elf.h>

/* "ELF file for another machine (aarch64)"; a constant. */
const char *elf_machine_why(const struct elf64_hdr *header);

#endif

/* SPDX-License-Identifier: MIT */
#include "elf/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char code[] = {
	0xb8, 0x3c, 0x00, 0x00, 0x00, /* mov $60, %eax: exit */
	0xbf, SAMPLE_STATUS, 0x00, 0x00, 0x00, /* mov $7, %edi */
	0x0f, 0x05, /* syscall */
};

struct elf64_phdr *sample_phdr(struct sample *s, unsigned index)
{
	return (struct elf64_phdr *)(void *)(s->bytes + sizeof(struct elf64_hdr)) + index;
}

void sample_make(struct sample *s, int type, const char *interp)
{
	unsigned long base = type == ET_EXEC ? SAMPLE_FIXED : 0;
	memset(s, 0, sizeof(*s));
	s->size = SAMPLE_SIZE;
	s->header = (struct elf64_hdr){
		.e_type = (unsigned short)type,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = base + SAMPLE_CODE,
		.e_phoff = sizeof(struct elf64_hdr),
		.e_ehsize = sizeof(struct elf64_hdr),
		.e_phentsize = sizeof(struct elf64_phdr),
		.e_phnum = SAMPLE_PHNUM,
	};
	memcpy(s->header.e_ident, ELFMAG, SELFMAG);
	s->header.e_ident[EI_CLASS] = ELFCLASS64;
	s->header.e_ident[EI_DATA] = ELFDATA2LSB;
	s->header.e_ident[EI_VERSION] = EV_CURRENT;
	*sample_phdr(s, SAMPLE_TEXT) = (struct elf64_phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = base,
		.p_filesz = 0x500,
		.p_memsz = 0x500,
		.p_align = 0x1000,
	};
	*sample_phdr(s, SAMPLE_BSS) = (struct elf64_phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = SAMPLE_DATA,
		.p_vaddr = base + 0x3000,
		.p_filesz = 0x100,
		.p_memsz = 0x2800,
		.p_align = 0x1000,
	};
	*sample_phdr(s, SAMPLE_STACK) = (struct elf64_phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
	if (interp)
		*sample_phdr(s, SAMPLE_PT_INTERP) = (struct elf64_phdr){
			.p_type = PT_INTERP,
			.p_flags = PF_R,
			.p_offset = SAMPLE_INTERP,
			.p_vaddr = base + SAMPLE_INTERP,
			.p_filesz = strlen(interp) + 1,
			.p_memsz = strlen(interp) + 1,
			.p_align = 1,
		};
	if (interp)
		strncpy((char *)s->bytes + SAMPLE_INTERP, interp, SAMPLE_CODE - SAMPLE_INTERP - 1);
	memcpy(s->bytes + SAMPLE_CODE, code, sizeof(code));
	for (size_t i = SAMPLE_DATA; i < SAMPLE_SIZE; i++)
		s->bytes[i] = (unsigned char)(i ^ 0x5a);
}

void file_write(const char *path, const void *bytes, size_t size, unsigned mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fchmod(fd, mode) != 0) {
		perror(path);
		exit(99);
	}
	close(fd);
}

void sample_write(const struct sample *s, const char *path, unsigned mode)
{
	file_write(path, s->bytes, s->size, mode);
}

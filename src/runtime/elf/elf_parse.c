/* SPDX-License-Identifier: MIT */
#include "runtime/elf/elf_parse.h"

#include <tulou/abi.h>
#include "runtime/elf/bytes.h"
#include "runtime/elf/elf_machine.h"
#include "runtime/layout.h"

#define PAGE_MASK (TULOU_PAGE_SIZE - 1)

/* Larger alignments are ignored, as those that are no power of two are: no such hardware page exists. */
#define ALIGN_MAX (1ul << 34)

static uint64_t page_down(uint64_t at)
{
	return at & ~PAGE_MASK;
}

/* For numbers that were checked to be at most ELF_TASK_SIZE. */
static uint64_t page_up(uint64_t at)
{
	return (at + PAGE_MASK) & ~PAGE_MASK;
}

/* ---- the header --------------------------------------------------------------------------------------------------------- */

static const char *type_fault(unsigned type)
{
	switch (type) {
	case ET_EXEC:
	case ET_DYN:
		return NULL;
	case ET_REL:
		return "ELF object file, not linked";
	case ET_CORE:
		return "core dump, not a program";
	default:
		return "ELF file of unknown type";
	}
}

/* What the 64-bit loader of Linux does not like; NULL: nothing. e_ident's class, order and version are not looked at, and an
 * interpreter's type only when it is too late (whole_check). */
static const char *header_fault(const struct elf64_hdr *header, bool is_interp)
{
	if (header->e_machine != EM_X86_64)
		return elf_machine_why(header);
	if (!is_interp && type_fault(header->e_type))
		return type_fault(header->e_type);
	if (header->e_phnum == 0)
		return "ELF file without program headers";
	if (header->e_phentsize != sizeof(struct elf64_phdr))
		return "ELF program headers of wrong size";
	if (header->e_phnum > ELF_PHDR_MAX)
		return "too many ELF program headers";
	return NULL;
}

long elf_parse_header(const void *bytes, size_t size, bool is_interp, struct elf_info *info, bool *other_abi, const char **why)
{
	struct elf64_hdr header;
	bytes_zero(&header, sizeof(header));
	bytes_copy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
	*info = (struct elf_info){0};
	*other_abi = false;

	if (!bytes_equal(header.e_ident, ELFMAG, SELFMAG)) {
		*why = size == 0 ? "empty file" : "not an ELF file";
		return -TULOU_ENOEXEC;
	}
	const char *fault = header_fault(&header, is_interp);
	if (fault) {
		*other_abi =
			header.e_machine == EM_386 || (header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS32);
		*why = size < sizeof(header) ? "truncated ELF header" : *other_abi ? "32-bit program" : fault;
		return -TULOU_ENOEXEC;
	}
	info->type = header.e_type;
	info->phnum = header.e_phnum;
	info->phoff = header.e_phoff;
	info->entry = header.e_entry;
	return 0;
}

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

static void fatal_set(struct elf_info *info, int error, const char *why)
{
	if (info->fatal == 0) {
		info->fatal = error;
		info->fatal_why = why;
	}
}

/* The rest of the last file page must be zeroed, but there is no such page: the file was cut. */
static bool tail_missing(const struct elf64_phdr *ph, uint64_t file_size)
{
	bool has_tail = ph->p_filesz && ph->p_memsz > ph->p_filesz && ((ph->p_vaddr + ph->p_filesz) & PAGE_MASK);
	return has_tail && (ph->p_flags & PF_W) && page_down(ph->p_offset + ph->p_filesz) >= file_size;
}

/* Afterwards p_vaddr + p_memsz and p_offset + p_filesz do not overflow, and the segment can be mapped. */
static bool load_check(const struct elf64_phdr *ph, uint64_t file_size, struct elf_info *info)
{
	uint64_t in_page = ph->p_vaddr & PAGE_MASK;
	if (ph->p_filesz > ph->p_memsz)
		fatal_set(info, TULOU_EINVAL, "ELF segment larger in the file than in memory");
	else if (ph->p_memsz > ELF_TASK_SIZE || ph->p_vaddr >= ELF_TASK_SIZE || ph->p_vaddr > ELF_TASK_SIZE - ph->p_memsz)
		fatal_set(info, TULOU_EINVAL, "ELF segment outside of the address space");
	else if (ph->p_filesz && (ph->p_offset & PAGE_MASK) != in_page)
		fatal_set(info, TULOU_EINVAL, "ELF segment whose offset and address do not agree");
	else if (ph->p_filesz && ph->p_offset > (uint64_t)INT64_MAX - page_up(ph->p_filesz + in_page))
		fatal_set(info, TULOU_EOVERFLOW, "ELF segment beyond any file's end");
	else if (tail_missing(ph, file_size))
		fatal_set(info, TULOU_EFAULT, "truncated ELF file");
	else
		return true;
	return false;
}

static void load_add(const struct elf64_phdr *ph, uint64_t file_size, struct elf_info *info)
{
	if (!load_check(ph, file_size, info))
		return;
	if (info->phoff >= ph->p_offset && info->phoff - ph->p_offset < ph->p_filesz)
		info->phdr_vaddr = info->phoff - ph->p_offset + ph->p_vaddr;
	uint64_t align = ph->p_align;
	if (align > info->align && align <= ALIGN_MAX && (align & (align - 1)) == 0)
		info->align = align;
	if (ph->p_memsz == 0)
		return;
	uint64_t start = page_down(ph->p_vaddr), end = page_up(ph->p_vaddr + ph->p_memsz);
	bool first = info->start == info->end;
	info->start = first || start < info->start ? start : info->start;
	info->end = first || end > info->end ? end : info->end;
}

static long interp_add(const struct elf64_phdr *ph, struct elf_info *info, const char **why)
{
	if (info->interp_size)
		return 0; /* Linux takes the first and does not look at the others */
	if (ph->p_filesz < 2 || ph->p_filesz > ELF_INTERP_MAX) {
		*why = "ELF interpreter's name of impossible length";
		return -TULOU_ENOEXEC;
	}
	info->interp_offset = ph->p_offset;
	info->interp_size = (uint32_t)ph->p_filesz;
	return 0;
}

/* What can only be said of all segments together. */
static void whole_check(struct elf_info *info)
{
	if (info->start == info->end)
		fatal_set(info, TULOU_EINVAL, "ELF file without anything to load");
	else if (info->type == ET_EXEC && info->start == 0)
		fatal_set(info, TULOU_EPERM, "ELF file linked at address 0");
	else if (info->type == ET_EXEC && !info->interp_size && info->entry >= ELF_TASK_SIZE)
		fatal_set(info, TULOU_EINVAL, "ELF entry outside of the address space");
	else if (info->type != ET_EXEC && info->end - info->start > TRAP_END)
		fatal_set(info, TULOU_ENOMEM, "ELF segments too far from each other");
	if (type_fault(info->type))
		fatal_set(info, TULOU_EINVAL, type_fault(info->type));
}

long elf_parse_segments(
	const struct elf64_phdr *table, bool is_interp, uint64_t file_size, struct elf_info *info, const char **why)
{
	info->phdrs = table;
	info->align = TULOU_PAGE_SIZE;
	for (unsigned i = 0; i < info->phnum; i++) {
		const struct elf64_phdr *ph = &table[i];
		long error = 0;
		if (ph->p_type == PT_LOAD)
			load_add(ph, file_size, info);
		else if (ph->p_type == PT_INTERP && !is_interp)
			error = interp_add(ph, info, why);
		else if (ph->p_type == PT_GNU_STACK && !is_interp)
			info->stack_exec = ph->p_flags & PF_X;
		if (error)
			return error;
	}
	whole_check(info);
	return 0;
}

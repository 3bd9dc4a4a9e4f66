/* SPDX-License-Identifier: MIT */
#include "elf/parse_input.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/elf/elf_parse.h"
#include "runtime/elf/script.h"

#define PAGE 4096ul

static const char *script_rules(const uint8_t *bytes, size_t size)
{
	struct script script;
	if (script_parse(bytes, size, &script) != 0)
		return NULL;
	const char *end = script.line + sizeof(script.line);
	if (script.interp < script.line + 2 || script.interp >= end)
		return "script: interpreter outside of the line";
	if (script.interp + strlen(script.interp) >= end)
		return "script: interpreter not terminated";
	if (strpbrk(script.interp, " \t\n"))
		return "script: blank in the interpreter's name";
	if (script.arg && (script.arg <= script.interp || script.arg >= end || strpbrk(script.arg, "\n")))
		return "script: impossible argument";
	return NULL;
}

static int segment_holds(const struct elf_info *info, const struct elf64_phdr *ph)
{
	uint64_t end, file_end;
	if (__builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end) ||
		__builtin_add_overflow(ph->p_offset, ph->p_filesz, &file_end))
		return ph->p_filesz == 0; /* the offset of nothing means nothing */
	if (ph->p_filesz > ph->p_memsz)
		return 0;
	return ph->p_memsz == 0 || (info->start <= ph->p_vaddr && end <= info->end);
}

static const char *segment_rules(const struct elf_info *info)
{
	if (info->fatal)
		return info->fatal_why ? NULL : "elf: fatal without a reason";
	if (info->start >= info->end || info->end > ELF_TASK_SIZE + PAGE || info->start % PAGE || info->end % PAGE)
		return "elf: impossible range";
	if (info->align < PAGE || (info->align & (info->align - 1)))
		return "elf: impossible alignment";
	if (info->interp_size > ELF_INTERP_MAX || info->interp_size == 1)
		return "elf: impossible interpreter";
	for (unsigned i = 0; i < info->phnum; i++)
		if (info->phdrs[i].p_type == PT_LOAD && !segment_holds(info, &info->phdrs[i]))
			return "elf: segment that cannot be loaded";
	return NULL;
}

/* Copies have exactly the size that they claim, so that a sanitizer sees the first byte too many. */
static void *exact_copy(const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

static const char *elf_rules(const uint8_t *bytes, size_t size, bool is_interp, int *accepted)
{
	struct elf_info info;
	bool other_abi;
	const char *why = NULL, *broken = NULL;
	if (elf_parse_header(bytes, size, is_interp, &info, &other_abi, &why) != 0)
		return why ? NULL : "elf: refused without a reason";
	size_t table_size = elf_table_size(&info);
	if (info.phnum == 0 || table_size > 65536)
		return "elf: table larger than the kernel's limit";
	if (info.phoff > size || table_size > size - info.phoff)
		return NULL;
	struct elf64_phdr *table = exact_copy(bytes + info.phoff, table_size);
	if (elf_parse_segments(table, is_interp, size, &info, &why) != 0)
		broken = why ? NULL : "elf: refused without a reason";
	else
		broken = segment_rules(&info);
	*accepted = *accepted || (!broken && !why && !info.fatal);
	free(table);
	return broken;
}

const char *parse_input(const uint8_t *bytes, size_t size, int *accepted)
{
	uint8_t *copy = exact_copy(bytes, size);
	*accepted = 0;
	const char *broken = script_rules(copy, size);
	if (!broken)
		broken = elf_rules(copy, size, false, accepted);
	if (!broken)
		broken = elf_rules(copy, size, true, accepted);
	free(copy);
	return broken;
}

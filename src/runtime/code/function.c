/* SPDX-License-Identifier: MIT */
#include "runtime/code/function.h"

#include <linux/elf.h>

#include "base/mem.h"
#include "runtime/code/site.h"

enum {
	PHDRS_MAX = 32,
	PAGE = 4096,
	DYNAMIC_MAX = 128,
	SYMBOLS_AT_ONCE = 40,
	SYMBOLS_MOST = 65536,
	SECTIONS_MOST = 256,
	EH_VERSION = 1,
	EH_ENCODINGS =
		0x3b031b, /* pc-relative pointer, 4-byte count, table of 4 bytes relative to the header: what linkers write */
	EH_HEAD = 12,
	DT_GNU_HASH_TAG = 0x6ffffef5,
	ST_FUNC = 2,
	INSTRUCTION_MAX = 15,
};

struct image {
	const struct code_reader *reader;
	uint64_t bias;
	struct elf64_phdr phdrs[PHDRS_MAX];
	unsigned phnum;
};

static bool fetch(const struct image *image, void *to, uint64_t from, size_t size)
{
	return image->reader->read(image->reader->arg, to, from, size);
}

/* ---- the image ------------------------------------------------------------------------------------------------------------------ */

/* The headers stand at the start of the file, which is mapped as far below `text` as it stands in the file. (Where a linker leaves
 * a gap between, there are none, and the answer is no.) */
static bool image_read(struct image *image, uint64_t text, uint64_t offset)
{
	struct elf64_hdr header;
	uint64_t start = text - offset;

	if (offset > text || !fetch(image, &header, start, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) ||
		header.e_phentsize != sizeof(struct elf64_phdr) || !header.e_phnum || header.e_phnum > PHDRS_MAX ||
		!fetch(image, image->phdrs, start + header.e_phoff, header.e_phnum * sizeof(struct elf64_phdr)))
		return false;
	image->phnum = header.e_phnum;
	for (unsigned i = 0; i < image->phnum; i++) {
		const struct elf64_phdr *ph = &image->phdrs[i];
		if (ph->p_type == PT_LOAD && ph->p_flags & PF_X && (ph->p_offset & ~(uint64_t)(PAGE - 1)) <= offset &&
			offset < ph->p_offset + ph->p_filesz) {
			image->bias =
				text - offset + (ph->p_offset & ~(uint64_t)(PAGE - 1)) - (ph->p_vaddr & ~(uint64_t)(PAGE - 1));
			return true;
		}
	}
	return false;
}

static const struct elf64_phdr *segment(const struct image *image, uint32_t type)
{
	for (unsigned i = 0; i < image->phnum; i++)
		if (image->phdrs[i].p_type == type)
			return &image->phdrs[i];
	return NULL;
}

/* ---- the unwind table ----------------------------------------------------------------------------------------------------------- */

/* The last entry of the sorted table that does not begin behind `address`; both numbers are relative to the header. */
static bool table_search(const struct image *image, uint64_t header, uint32_t count, uint64_t address, int32_t found[2])
{
	uint32_t low = 0, high = count;
	int32_t entry[2];

	found[1] = 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (!fetch(image, entry, header + EH_HEAD + 8ul * middle, sizeof entry))
			return false;
		if (header + (uint64_t)(int64_t)entry[0] <= address) {
			memcpy(found, entry, sizeof entry);
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return found[1] != 0;
}

static bool by_unwind_table(const struct image *image, uint64_t address, struct code_function *out)
{
	const struct elf64_phdr *ph = segment(image, PT_GNU_EH_FRAME);
	uint64_t header = ph ? image->bias + ph->p_vaddr : 0, fde;
	struct {
		uint32_t head; /* version, and three encodings */
		int32_t frames;
		uint32_t count;
	} head;
	int32_t entry[2];
	struct {
		uint32_t length, cie;
		int32_t start;
		uint32_t size;
	} frame;

	if (!ph || !fetch(image, &head, header, sizeof head) || head.head != ((uint32_t)EH_ENCODINGS << 8 | EH_VERSION) ||
		!table_search(image, header, head.count, address, entry))
		return false;
	fde = header + (uint64_t)(int64_t)entry[1];
	out->start = header + (uint64_t)(int64_t)entry[0];
	/* The usual encoding of a function's start, or it would not agree with the table. */
	if (!fetch(image, &frame, fde, sizeof frame) || fde + 8 + (uint64_t)(int64_t)frame.start != out->start)
		return false;
	out->size = frame.size;
	/* A call that makes a task: its child has no caller, and the unwind information ends before it. */
	if (address - out->start == out->size)
		out->size += CODE_SYSCALL_SIZE + INSTRUCTION_MAX;
	return address - out->start < out->size;
}

/* ---- exported symbols ----------------------------------------------------------------------------------------------------------- */

struct symbols {
	uint64_t table, hash, gnu_hash;
};

/* Addresses in the dynamic section are as linked, or already relocated (glibc and musl differ). */
static uint64_t relocated(const struct image *image, uint64_t pointer)
{
	return pointer < image->bias ? image->bias + pointer : pointer;
}

static bool symbols_read(const struct image *image, struct symbols *symbols)
{
	const struct elf64_phdr *ph = segment(image, PT_DYNAMIC);
	Elf64_Dyn entry;

	memset(symbols, 0, sizeof *symbols);
	for (unsigned i = 0; ph && i < DYNAMIC_MAX; i++) {
		if (!fetch(image, &entry, image->bias + ph->p_vaddr + i * sizeof entry, sizeof entry))
			return false;
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_SYMTAB)
			symbols->table = relocated(image, entry.d_un.d_ptr);
		if (entry.d_tag == DT_HASH)
			symbols->hash = relocated(image, entry.d_un.d_ptr);
		if (entry.d_tag == DT_GNU_HASH_TAG)
			symbols->gnu_hash = relocated(image, entry.d_un.d_ptr);
	}
	return symbols->table != 0;
}

/* The highest symbol of the last chain, and one more. */
static uint32_t gnu_hash_count(const struct image *image, uint64_t table)
{
	uint32_t head[4] /* buckets, first symbol, words of the filter, shift */, bucket, last = 0, hash;
	uint64_t buckets, chains;

	if (!fetch(image, head, table, sizeof head) || head[0] > SYMBOLS_MOST || head[2] > SYMBOLS_MOST)
		return 0;
	buckets = table + sizeof head + 8ul * head[2];
	chains = buckets + 4ul * head[0];
	for (uint32_t i = head[0]; i-- > 0;) {
		if (!fetch(image, &bucket, buckets + 4ul * i, sizeof bucket))
			return 0;
		last = bucket > last ? bucket : last;
	}
	if (last < head[1] || last >= SYMBOLS_MOST)
		return 0;
	do {
		if (!fetch(image, &hash, chains + 4ul * (last - head[1]), sizeof hash))
			return 0;
		last++;
	} while (!(hash & 1) && last < SYMBOLS_MOST);
	return last;
}

static uint32_t symbols_count(const struct image *image, const struct symbols *symbols)
{
	uint32_t head[2]; /* buckets, symbols */

	if (symbols->hash && fetch(image, head, symbols->hash, sizeof head))
		return head[1] < SYMBOLS_MOST ? head[1] : SYMBOLS_MOST;
	return symbols->gnu_hash ? gnu_hash_count(image, symbols->gnu_hash) : 0;
}

/* The function of `address` among `count` symbols at `table`. */
static bool symbols_search(const struct code_reader *reader, uint64_t table, uint64_t count, uint64_t bias, uint64_t address,
	struct code_function *out)
{
	struct elf64_sym some[SYMBOLS_AT_ONCE];

	for (uint64_t at = 0; at < count; at += SYMBOLS_AT_ONCE) {
		uint64_t have = count - at < SYMBOLS_AT_ONCE ? count - at : SYMBOLS_AT_ONCE;

		if (!reader->read(reader->arg, some, table + at * sizeof *some, have * sizeof *some))
			return false;
		for (uint64_t i = 0; i < have; i++) {
			uint64_t start = bias + some[i].st_value;
			if ((some[i].st_info & 0xf) == ST_FUNC && some[i].st_shndx && address - start < some[i].st_size) {
				*out = (struct code_function){start, some[i].st_size};
				return true;
			}
		}
	}
	return false;
}

static bool by_symbols(const struct image *image, uint64_t address, struct code_function *out)
{
	struct symbols symbols;
	uint32_t count = symbols_read(image, &symbols) ? symbols_count(image, &symbols) : 0;

	return symbols_search(image->reader, symbols.table, count, image->bias, address, out);
}

/* ---- the file's symbols --------------------------------------------------------------------------------------------------------- */

static bool by_file(const struct code_reader *file, uint64_t bias, uint64_t address, struct code_function *out)
{
	struct elf64_hdr header;
	struct elf64_shdr section;

	if (!file || !file->read(file->arg, &header, 0, sizeof header) || header.e_shentsize != sizeof section ||
		header.e_shnum > SECTIONS_MOST)
		return false;
	for (unsigned i = 0; i < header.e_shnum; i++) {
		if (!file->read(file->arg, &section, header.e_shoff + i * sizeof section, sizeof section))
			return false;
		if (section.sh_type == SHT_SYMTAB && section.sh_size / sizeof(struct elf64_sym) < SYMBOLS_MOST)
			return symbols_search(
				file, section.sh_offset, section.sh_size / sizeof(struct elf64_sym), bias, address, out);
	}
	return false;
}

bool code_function_find(const struct code_reader *reader, const struct code_reader *file, uint64_t text, uint64_t offset,
	uint64_t address, struct code_function *out)
{
	struct image image = {.reader = reader};

	return image_read(&image, text, offset) && (by_unwind_table(&image, address, out) || by_symbols(&image, address, out) ||
							   by_file(file, image.bias, address, out));
}

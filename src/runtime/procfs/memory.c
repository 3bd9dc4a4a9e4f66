/* SPDX-License-Identifier: MIT */
/*
 * memory.c - how much memory one process has: sizes from its areas, resident pages from the kernel's page tables.
 *
 * The kernel counts pages for the address space. While a process is alone in it, that count less the runtime's own pages is right
 * and costs nearly nothing. Otherwise the entries of the process's areas are counted: 40 to 65 ns for each page that it has,
 * whatever its neighbours have. PAGEMAP_SCAN (Linux 6.7) knows the zero page, which is not counted as memory; in the text of
 * /proc/self/pagemap it looks like any other.
 */
#include "runtime/procfs/procfs.h"

#include <asm-generic/errno-base.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <tulou/inspect.h>

#include "base/mem.h"
#include "runtime/layout.h"
#include "runtime/text.h"

/* <linux/fs.h> of Linux 6.7 */
struct pagemap_region {
	uint64_t start, end, categories;
};

struct pagemap_scan {
	uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
	uint64_t inverted, all_of, any_of, wanted;
};

#define PAGEMAP_SCAN_REQUEST _IOWR('f', 16, struct pagemap_scan)
enum { PAGE_FILE = 1 << 2, PAGE_PRESENT = 1 << 3, PAGE_SWAPPED = 1 << 4, PAGE_ZERO = 1 << 5 };

#define ENTRY_PRESENT (1ull << 63)
#define ENTRY_SWAPPED (1ull << 62)
#define ENTRY_FILE    (1ull << 61)

#define USER_TOP 0x7ffffffff000ul /* end of what a process can map */

struct counter {
	int pagemap;
	bool no_scan; /* an older kernel */
	void *buffer; /* LINES_BUFFER bytes */
	struct own_memory *memory;
};

/* ---- page tables ---------------------------------------------------------------------------------------------------------------- */

static void count(struct own_memory *memory, uint64_t categories, bool shared_memory, size_t size)
{
	if (categories & PAGE_SWAPPED)
		memory->swapped += size;
	else if (!(categories & PAGE_FILE))
		memory->anonymous += size;
	else if (shared_memory)
		memory->shared_memory += size;
	else
		memory->file += size;
}

static long count_scan(struct counter *c, uintptr_t start, uintptr_t end, bool shared_memory)
{
	const struct pagemap_region *regions = c->buffer;
	struct pagemap_scan scan = {
		.size = sizeof scan,
		.end = end,
		.walk_end = start,
		.regions = (uint64_t)regions,
		.region_count = LINES_BUFFER / sizeof *regions,
		.any_of = PAGE_PRESENT | PAGE_SWAPPED,
		.wanted = PAGE_FILE | PAGE_PRESENT | PAGE_SWAPPED | PAGE_ZERO,
	};

	while (scan.walk_end < end) {
		long got;
		scan.start = scan.walk_end;
		got = sys3(__NR_ioctl, c->pagemap, (long)PAGEMAP_SCAN_REQUEST, (long)&scan);
		if (got < 0)
			return got;
		for (long i = 0; i < got; i++)
			if (!(regions[i].categories & PAGE_ZERO))
				count(c->memory, regions[i].categories, shared_memory, regions[i].end - regions[i].start);
	}
	return 0;
}

static long count_entries(struct counter *c, uintptr_t start, uintptr_t end, bool shared_memory)
{
	const uint64_t *entries = c->buffer;

	while (start < end) {
		size_t pages = (end - start) / TULOU_PAGE_SIZE;
		size_t room = LINES_BUFFER / sizeof *entries;
		long got = sys4(__NR_pread64, c->pagemap, (long)entries, (long)((pages < room ? pages : room) * sizeof *entries),
			(long)(start / TULOU_PAGE_SIZE * sizeof *entries));
		if (got <= 0)
			return got;
		for (size_t i = 0; i < (size_t)got / sizeof *entries; i++) {
			uint64_t categories =
				(entries[i] & ENTRY_SWAPPED ? PAGE_SWAPPED : 0) | (entries[i] & ENTRY_FILE ? PAGE_FILE : 0);
			if (entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED))
				count(c->memory, categories, shared_memory, TULOU_PAGE_SIZE);
		}
		start += (size_t)got / sizeof *entries * TULOU_PAGE_SIZE;
	}
	return 0;
}

static void count_range(struct counter *c, uintptr_t start, uintptr_t end, bool shared_memory)
{
	if (!c->no_scan && count_scan(c, start, end, shared_memory) == -ENOTTY)
		c->no_scan = true;
	if (c->no_scan)
		count_entries(c, start, end, shared_memory);
}

/* Devices whose files are shared memory: memfd's and that of /dev/shm. */
static void shared_devices(int memory_file, uint64_t devices[2])
{
	struct stat status;

	devices[0] = sys2(__NR_fstat, memory_file, (long)&status) < 0 ? 0 : status.st_dev;
	devices[1] = sys2(__NR_stat, (long)"/dev/shm", (long)&status) < 0 ? 0 : status.st_dev;
}

static void count_areas(struct counter *c, const struct own_areas *areas, int memory_file)
{
	uint64_t devices[2];

	shared_devices(memory_file, devices);
	for (size_t i = 0; i < areas->count; i++) {
		const struct own_area *area = &areas->at[i];
		bool shared =
			(area->shared && area->anonymous) || (area->dev && (area->dev == devices[0] || area->dev == devices[1]));
		count_range(c, area->start, area->end, shared);
	}
}

/* ---- the kernel's count --------------------------------------------------------------------------------------------------------- */

static void take_counts(struct own_memory *memory, int fd, struct lines *lines)
{
	const struct {
		const char *key;
		size_t *to;
	} keys[] = {
		{"RssAnon:", &memory->anonymous},
		{"RssFile:", &memory->file},
		{"RssShmem:", &memory->shared_memory},
		{"VmSwap:", &memory->swapped},
	};
	char *text;

	lines_init(lines, fd);
	while (lines_next(lines, &text) > 0)
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			const char *value = text_after(text, keys[i].key);
			if (!value)
				continue;
			while (*value == ' ' || *value == '\t')
				value++;
			*keys[i].to = text_decimal(&value) << 10;
		}
}

static long open_self(const char *path)
{
	return sys4(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
}

/* What the address space has, less `others`. */
static void take_kernel_counts(struct own_memory *memory, const struct own_memory *others, struct lines *lines)
{
	long fd = open_self("/proc/thread-self/status");

	if (fd < 0)
		return;
	take_counts(memory, (int)fd, lines);
	sys1(__NR_close, fd);
	memory->anonymous -= others->anonymous < memory->anonymous ? others->anonymous : memory->anonymous;
	memory->file -= others->file < memory->file ? others->file : memory->file;
	memory->swapped -= others->swapped < memory->swapped ? others->swapped : memory->swapped;
}

/* ---- both together -------------------------------------------------------------------------------------------------------------- */

static void take_sizes(struct snapshot *s, struct own_memory *out)
{
	const struct program_start *layout = &s->process->layout;
	size_t code = 0;

	for (size_t i = 0; i < s->areas.count; i++) {
		const struct own_area *area = &s->areas.at[i];
		size_t size = area->end - area->start;
		bool program = area->start >= layout->exe_start && area->end <= layout->exe_end && !area->anonymous;

		out->size += size;
		out->locked += area->locked ? size : 0;
		if (area->kind == TULOU_AREA_STACK)
			out->stack += size;
		else if (area->prot & TULOU_PROT_WRITE)
			out->data += area->shared ? 0 : size;
		else if (area->prot & TULOU_PROT_EXEC)
			code += size;
		if (program && area->prot & TULOU_PROT_EXEC) {
			out->code_start = out->code_start ? out->code_start : area->start;
			out->code_end = area->end;
		} else if (program && area->prot & TULOU_PROT_WRITE) {
			out->data_start = out->data_start ? out->data_start : area->start;
			out->data_end = area->end;
		}
	}
	out->text = out->code_end - out->code_start;
	out->library = code > out->text ? code - out->text : 0;
}

void own_memory_take(struct snapshot *s, struct own_memory *out)
{
	struct own_memory runtime_part = {0};
	struct counter c = {.buffer = s->in.buffer, .memory = out};
	bool alone = s->self == s->process && process_count() == 1;
	int kernel_file = s->in.fd;

	memset(out, 0, sizeof *out);
	take_sizes(s, out);
	out->peak = s->self == s->process ? tulou_process_vm_peak(s->process->vm) : out->size;
	c.pagemap = (int)open_self("/proc/thread-self/pagemap");
	if (c.pagemap >= 0 && !alone) {
		count_areas(&c, &s->areas, s->out.fd);
	} else {
		c.memory = &runtime_part;
		if (c.pagemap >= 0)
			count_range(&c, POOL_END, USER_TOP, false);
		take_kernel_counts(out, &runtime_part, &s->in);
	}
	if (c.pagemap >= 0)
		sys1(__NR_close, c.pagemap);
	if (own_memory_resident(out) > s->process->resident_peak)
		s->process->resident_peak = own_memory_resident(out);
	out->resident_peak = s->process->resident_peak;
	lines_init(&s->in, kernel_file); /* its buffer was borrowed */
}

/* SPDX-License-Identifier: MIT */
/* image_pages.c - the pages of images: zeroed, and looked at. */
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "base/mem.h"
#include "runtime/elf/exec_file.h"
#include "runtime/image/image_set.h"
#include "runtime/trap/patch.h"

enum { PAGE = TULOU_PAGE_SIZE, PAGES_AT_ONCE = 64, ENTRIES_AT_ONCE = 256 };
/* Above that, giving pages back costs less than zeroing them. */
#define ZERO_MOST (256ul << 10)
/* Of an entry of /proc/self/pagemap: there, in swap, a page of a file. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_FILE    (1ull << 61)

/* struct pm_scan_arg, struct page_region and their constants of <linux/fs.h> since Linux 6.7. */
struct scan {
	uint64_t size, flags, start, end, walked;
	uint64_t regions, region_count, most;
	uint64_t inverted, all_of, any_of, answer; /* categories of pages */
};
struct scan_region {
	uint64_t start, end, categories;
};
enum { SCAN_FILE = 4, SCAN_PRESENT = 8, SCAN_SWAPPED = 16, REGIONS_AT_ONCE = 16 };
#define SCAN_REQUEST 0xc0606610l

static void drop(uint64_t start, uint64_t end)
{
	if (start < end)
		sys3(__NR_madvise, (long)start, (long)(end - start), MADV_DONTNEED);
}

static void zero_block(uint64_t start, uint64_t pages)
{
	unsigned char there[PAGES_AT_ONCE];
	uint64_t absent = start;

	if (sys3(__NR_mincore, (long)start, (long)(pages * PAGE), (long)there) < 0) {
		drop(start, start + pages * PAGE);
		return;
	}
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t at = start + i * PAGE, size = PAGE;
		if (!(there[i] & 1)) /* never touched, or in swap */
			continue;
		drop(absent, at);
		absent = at + PAGE;
		__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(0) : "memory");
	}
	drop(absent, start + pages * PAGE);
}

void image_zero(uint64_t start, uint64_t end)
{
	uint64_t from = end - start > ZERO_MOST ? end - ZERO_MOST : start;

	drop(start, from);
	for (uint64_t pages; from < end; from += pages * PAGE) {
		pages = (end - from) / PAGE < PAGES_AT_ONCE ? (end - from) / PAGE : PAGES_AT_ONCE;
		zero_block(from, pages);
	}
}

/* ---- pages that are not their file's --------------------------------------------------------------------------------------------- */

struct verification {
	const struct image *image;
	long pagemap;
	int fd;
	const struct patch_space *patch;
	bool good;
};

static bool page_equal(const uint64_t *a, const uint64_t *b)
{
	uint64_t differs = 0;

	for (unsigned i = 0; i < PAGE / sizeof *a; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

/* A private page that was copied shall be the file's with our jumps in it. (To drop it would not do for a probe of the kernel's,
 * which is set anew when the file is mapped.) */
static void page_verify(struct verification *v, uint64_t at)
{
	const struct image_piece *piece = v->image->pieces;
	uint8_t bytes[PAGE] __attribute__((aligned(8)));
	long got;

	while (at - piece->start >= piece->end - piece->start)
		piece++;
	got = v->patch ? exec_file_read(v->fd, bytes, PAGE, piece->offset + (at - piece->start)) : 0;
	if (got > 0)
		memset(bytes + got, 0, (size_t)(PAGE - got));
	if (got <= 0 || !patch_page_apply(v->patch, at, bytes) || !page_equal((const uint64_t *)at, (const uint64_t *)bytes))
		v->good = false;
}

static bool is_copied(uint64_t entry)
{
	return entry & PAGEMAP_SWAPPED || (entry & PAGEMAP_PRESENT && !(entry & PAGEMAP_FILE));
}

/* One entry for each page: before Linux 6.7. */
static void look_at_entries(struct verification *v, uint64_t start, uint64_t end)
{
	uint64_t entries[ENTRIES_AT_ONCE];

	for (uint64_t at = start, pages; at < end && v->good; at += pages * PAGE) {
		long size;

		pages = (end - at) / PAGE < ENTRIES_AT_ONCE ? (end - at) / PAGE : ENTRIES_AT_ONCE;
		size = (long)(pages * sizeof *entries);
		v->good = sys4(__NR_pread64, v->pagemap, (long)entries, size, (long)(at / PAGE * sizeof *entries)) == size;
		for (uint64_t i = 0; i < pages && v->good; i++)
			if (is_copied(entries[i]))
				page_verify(v, at + i * PAGE);
	}
}

/* The kernel names the pages that were copied. False: this one cannot. */
static bool look_at_copied(struct verification *v, uint64_t start, uint64_t end)
{
	struct scan_region found[REGIONS_AT_ONCE];
	struct scan scan = {.size = sizeof scan,
		.start = start,
		.end = end,
		.regions = (uint64_t)found,
		.region_count = REGIONS_AT_ONCE,
		.inverted = SCAN_FILE,
		.all_of = SCAN_FILE,
		.any_of = SCAN_PRESENT | SCAN_SWAPPED,
		.answer = SCAN_PRESENT | SCAN_SWAPPED | SCAN_FILE};

	while (scan.start < end && v->good) {
		long count = sys3(__NR_ioctl, v->pagemap, SCAN_REQUEST, (long)&scan);

		if (count < 0 && scan.start == start)
			return false;
		v->good = count >= 0 && scan.walked > scan.start;
		for (long i = 0; i < count; i++)
			for (uint64_t at = found[i].start; at < found[i].end; at += PAGE)
				page_verify(v, at);
		scan.start = scan.walked;
	}
	return true;
}

static bool never_written(const struct image_piece *piece)
{
	return piece->file && !(piece->prot & TULOU_PROT_WRITE);
}

bool image_verify(const struct image *image, int fd, const struct patch_space *patch)
{
	struct verification v = {.image = image,
		.pagemap = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0),
		.fd = fd,
		.patch = patch};

	v.good = v.pagemap >= 0;
	for (unsigned i = 0, next; i < image->count && v.good; i = next) {
		uint64_t start = image->pieces[i].start, end = image->pieces[i].end;

		next = i + 1;
		if (!never_written(&image->pieces[i]))
			continue;
		/* Text has constants on both sides: one look for all of them. */
		for (; next < image->count && image->pieces[next].start == end && never_written(&image->pieces[next]); next++)
			end = image->pieces[next].end;
		if (!look_at_copied(&v, start, end))
			look_at_entries(&v, start, end);
	}
	if (v.pagemap >= 0)
		sys1(__NR_close, v.pagemap);
	return v.good;
}

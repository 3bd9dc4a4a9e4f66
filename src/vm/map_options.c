/* SPDX-License-Identifier: MIT */
/* map_options.c - see map_options.h. */
#include "map_options.h"

/* The size of a huge page is in the upper bits of the flags, as its binary logarithm. */
#define HUGE_SIZE_BITS (31 << 26)

enum {
	/* what makes two areas differ */
	FLAGS_OF_AREA = TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE | TULOU_MAP_LOCKED | TULOU_MAP_GROWSDOWN | TULOU_MAP_HUGETLB,
	/* what the host is told beside */
	FLAGS_OF_HOST = (FLAGS_OF_AREA & ~TULOU_MAP_LOCKED) | TULOU_MAP_POPULATE | TULOU_MAP_STACK | TULOU_MAP_SYNC,
};

/* What an area says of the type. */
static int sharing(int flags)
{
	switch (flags & TULOU_MAP_TYPE) {
	case TULOU_MAP_PRIVATE:
		return TULOU_MAP_PRIVATE;
	case TULOU_MAP_DROPPABLE:
		return TULOU_MAP_PRIVATE | AREA_DROPPABLE;
	default:
		return TULOU_MAP_SHARED;
	}
}

static int host_type(int flags)
{
	return (flags & TULOU_MAP_TYPE) == TULOU_MAP_SHARED_VALIDATE ? TULOU_MAP_SHARED : flags & TULOU_MAP_TYPE;
}

/* Of a file the pages are what it says. */
static int huge_flags(const struct map_options *options)
{
	size_t size = options->has_file ? options->file.page_size : map_options_huge(options->flags);

	return !size ? 0 : size == HUGE_LARGE ? TULOU_MAP_HUGETLB | AREA_HUGE_LARGE : TULOU_MAP_HUGETLB;
}

void map_options_open(struct map_options *options, struct stock *stock)
{
	bool shared = sharing(options->flags) & TULOU_MAP_SHARED;

	options->content = (struct area_content){
		.flags = sharing(options->flags) | (options->flags & FLAGS_OF_AREA) | options->lock,
		.prot = (uint8_t)perms_of(options->prot),
		.kind = TULOU_AREA_MMAP,
	};
	options->content.flags |= huge_flags(options);
	if (options->content.flags & TULOU_MAP_HUGETLB) /* as Linux: huge pages are never pageable */
		options->content.flags &= ~AREA_LOCK_MASK;
	if (options->has_file) {
		options->content.object = shm_open_file(&options->file, shared, stock);
		options->content.offset = options->offset;
	} else if (shared) {
		options->content.object = shm_open_anonymous(stock);
	}
}

void map_options_close(struct map_options *options, struct stock *stock)
{
	if (options->content.object)
		shm_detach(options->content.object, stock);
}

int map_options_map(const struct map_options *options, struct range range, const struct tulou_host *host)
{
	const struct shm_object *object = options->content.object;
	/* What is locked as it is touched must not be brought in, POPULATE or not. */
	int flags = options->flags & (options->lock & AREA_LOCKONFAULT ? ~TULOU_MAP_POPULATE : ~0);
	struct tulou_file file;
	struct tulou_mapping mapping = {
		.start = range.start,
		.size = range_size(range),
		.prot = options->content.prot,
		.flags = host_type(flags) | (flags & FLAGS_OF_HOST) | (flags & HUGE_SIZE_BITS),
		.lock = host->lock ? area_lock_of(&options->content) : TULOU_LOCK_OFF,
		.file = options->has_file ? &file : NULL,
		.offset = options->has_file ? options->offset : 0,
	};

	if (flags & TULOU_MAP_NONBLOCK) /* since Linux 2.6.23 POPULATE does nothing beside it */
		mapping.flags &= ~TULOU_MAP_POPULATE;
	/* The reference that the object holds, which may be an earlier one to the same file. */
	if (options->has_file) {
		file = options->file;
		file.handle = object->handle;
	}
	return host->map(host->ctx, &mapping);
}

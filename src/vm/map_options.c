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

static int sharing(int flags)
{
	return (flags & TULOU_MAP_TYPE) == TULOU_MAP_PRIVATE ? TULOU_MAP_PRIVATE : TULOU_MAP_SHARED;
}

void map_options_open(struct map_options *options, struct stock *stock)
{
	bool shared = sharing(options->flags) == TULOU_MAP_SHARED;

	options->content = (struct area_content){
		.flags = sharing(options->flags) | (options->flags & FLAGS_OF_AREA) | options->lock,
		.prot = (uint8_t)perms_of(options->prot),
		.kind = TULOU_AREA_MMAP,
	};
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
		.flags = sharing(flags) | (flags & FLAGS_OF_HOST) | (flags & HUGE_SIZE_BITS),
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

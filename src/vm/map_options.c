/* SPDX-License-Identifier: MIT */
/* map_options.c - see map_options.h: what few mappings have. */
#include "map_options.h"

int map_options_huge_flags(const struct map_options *options)
{
	size_t size = options->has_file ? options->file.page_size : map_options_huge(options->flags);

	return !size ? 0 : size == HUGE_LARGE ? TULOU_MAP_HUGETLB | AREA_HUGE_LARGE : TULOU_MAP_HUGETLB;
}

void map_options_attach(struct map_options *options, struct stock *stock)
{
	bool shared = options->content.flags & TULOU_MAP_SHARED;

	if (options->has_file) {
		options->content.object = shm_open_file(&options->file, shared, stock);
		options->content.offset = options->offset;
	} else {
		options->content.object = shm_open_anonymous(stock);
	}
}

/* The reference that the object holds, which may be an earlier one to the same file. */
int map_options_map_file(const struct map_options *options, struct tulou_mapping *mapping, const struct tulou_host *host)
{
	struct tulou_file file = options->file;

	file.handle = options->content.object->handle;
	mapping->file = &file;
	mapping->offset = options->offset;
	return host->map(host->ctx, mapping);
}

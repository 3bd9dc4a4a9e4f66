/* SPDX-License-Identifier: MIT */
/* area.c - see area.h. */
#include "area.h"
#include "chunk.h"

bool area_content_continues(const struct area_content *first, size_t size, const struct area_content *next)
{
	return first->object == next->object && first->flags == next->flags && first->prot == next->prot &&
	       first->kind == next->kind && first->pending == next->pending &&
	       (!first->object || first->offset + size == next->offset);
}

bool area_continues(const struct area_record *area, const struct area_record *next)
{
	return area->range.end == next->range.start && area->owner->process == next->owner->process &&
	       area_content_continues(&area->content, range_size(area->range), &next->content);
}

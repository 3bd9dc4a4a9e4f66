/* SPDX-License-Identifier: MIT */
/*
 * visit.c - what msync(2) and madvise(2) have in common: over a hole they go on, and say ENOMEM at the end.
 *
 *     areas    AAAA  BBBxxCC     x: booked, but without pages: as good as a hole
 *     visits   |--|  |-|  ||
 */
#include "calls.h"

int vm_visit(struct tulou_process_vm *vm, struct range range,
	int (*visit)(struct tulou_process_vm *vm, struct range stretch, int arg), int arg)
{
	struct range stretch;
	struct area_seen first;
	int result = 0;

	while (range.start < range.end) {
		int error = 0;

		if (!process_vm_stretch(vm, range, &stretch, &first))
			return -TULOU_ENOMEM;
		if (stretch.start > range.start || !content_has_pages(first.content))
			result = -TULOU_ENOMEM;
		if (content_has_pages(first.content))
			error = visit(vm, stretch, arg);
		if (error)
			return error;
		range.start = stretch.end;
	}
	return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * pieces.h - calls about a range go to the kernel for what is the process's own of it: other guests' memory is a hole.
 *
 *     range    [                    )
 *     areas      aaaabbb   xxxxx cc         x: another guest's
 *     pieces     [--][-]         []
 */
#ifndef TULOU_RUNTIME_PIECES_H
#define TULOU_RUNTIME_PIECES_H

#include <tulou/inspect.h>

#include "base/page.h"

struct pieces {
	struct tulou_process_vm *vm;
	uintptr_t at, end; /* what is left of the range */
	uintptr_t start, stop; /* the piece */
	bool hole; /* something before it, or with none left behind it, was not the process's */
};

/* Whole pages from `start` on; false when the range wraps. */
static inline bool pieces_begin(struct pieces *p, struct tulou_process_vm *vm, uintptr_t start, size_t size)
{
	size_t whole = page_up(size);

	*p = (struct pieces){.vm = vm, .at = start, .end = start + whole};
	return whole >= size && p->end >= start;
}

static inline bool pieces_next(struct pieces *p)
{
	struct tulou_area_info area;

	if (p->at >= p->end)
		return false;
	if (!tulou_find_area(p->vm, p->at, &area) || area.start >= p->end) {
		p->hole = true;
		p->at = p->end;
		return false;
	}
	p->start = area.start > p->at ? area.start : p->at;
	p->stop = area.end < p->end ? area.end : p->end;
	p->hole |= p->start > p->at;
	p->at = p->stop;
	return true;
}

#endif

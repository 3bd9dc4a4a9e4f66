/* SPDX-License-Identifier: MIT */
/* machine_flat.c - which pages of the arena are there. */
#include "machine.h"

#include "host/flat/flat_internal.h"

void flat_machine_pages(const struct tulou_host *host, uintptr_t start, size_t count, struct machine_page *pages)
{
	for (size_t i = 0; i < count; i++)
		pages[i].mapped = flat_pages_all(host->ctx, start + i * TULOU_PAGE_SIZE, TULOU_PAGE_SIZE);
}

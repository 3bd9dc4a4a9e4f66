/* SPDX-License-Identifier: MIT */
/* linux_internal.h - what the files of the Linux host share. */
#ifndef TULOU_HOST_LINUX_INTERNAL_H
#define TULOU_HOST_LINUX_INTERNAL_H

#include "linux_host.h"
#include "syscall.h"

#define LINUX_TASK_SIZE 0x7ffffffff000ul /* end of user addresses with four levels of page tables */

/* ---- linux_pages.c ------------------------------------------------------------------------------------------------------ */
int linux_map(void *ctx, const struct tulou_mapping *m);
int linux_unmap(void *ctx, uintptr_t start, size_t size);
int linux_protect(void *ctx, uintptr_t start, size_t size, int prot);
int linux_grow(void *ctx, uintptr_t start, size_t size, size_t new_size);
int linux_remap(void *ctx, uintptr_t start, size_t size, uint64_t offset);
uintptr_t linux_grown(void *ctx, uintptr_t start, uintptr_t low);
int linux_zero(void *ctx, uintptr_t start, size_t size);
int linux_advise(void *ctx, uintptr_t start, size_t size, int advice);
int linux_sync(void *ctx, uintptr_t start, size_t size, int flags);
int linux_resident(void *ctx, uintptr_t start, size_t size, unsigned char *vector);
int linux_lock(void *ctx, uintptr_t start, size_t size, enum tulou_lock how);

/* ---- linux_move.c ------------------------------------------------------------------------------------------------------- */
int linux_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source);
/* Bytes of [start, start + size) that lie in the kernel's first VMA there: at least a page, at most size. */
size_t linux_piece(uintptr_t start, size_t size);

/* ---- linux_areas.c ------------------------------------------------------------------------------------------------------ */
/* A call is about to make at most `count` new VMAs: 0, or -ENOMEM when the kernel might refuse half-way. */
int linux_areas_admit(struct linux_host *h, unsigned count);
/* The same for a call that the kernel itself refuses whole: only counted. */
void linux_areas_note(struct linux_host *h, unsigned count);
/* Something was taken away: it is worth to count again. */
void linux_areas_freed(struct linux_host *h);
void linux_areas_init(struct linux_host *h);

/* ---- linux_file.c ------------------------------------------------------------------------------------------------------- */
bool linux_file_syncs(void *ctx, int fd);
int linux_file_get(void *ctx, int fd, bool shared, struct tulou_file *out);
void linux_file_dup(void *ctx, const struct tulou_file *file);
void linux_file_put(void *ctx, const struct tulou_file *file);

#endif

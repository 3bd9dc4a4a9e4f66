/* SPDX-License-Identifier: MIT */
/*
 * sim_file.c - files: sparse pages and a size, counted over descriptors, areas and the core's handles.
 *
 * The bytes of the last page behind the file's end can be written through a shared mapping; they are never part of the file:
 * read stops at the size, and a file that grows begins its new part with zeros.
 */
#include "sim_internal.h"

#include <stdlib.h>
#include <string.h>

struct sim_file *sim_file_new(struct sim *sim, uint64_t size, uint64_t dev)
{
	struct sim_file *file = sim_alloc(NULL, sizeof(*file));

	memset(file, 0, sizeof(*file));
	file->size = size;
	file->dev = dev;
	file->ino = sim->next_ino++;
	file->refs = 1;
	return file;
}

void sim_file_unref(struct sim_file *file)
{
	if (!file || --file->refs > 0)
		return;
	sim_pages_fini(&file->pages);
	free(file);
}

bool sim_file_reaches(const struct sim_file *file, uint64_t offset)
{
	return offset >> TULOU_PAGE_SHIFT < (file->size + TULOU_PAGE_SIZE - 1) >> TULOU_PAGE_SHIFT;
}

static struct sim_file *sim_fd_file(struct sim *sim, int fd)
{
	return fd >= 0 && fd < sim->fd_count ? sim->fds[fd].file : NULL;
}

static int sim_fd_new(struct sim *sim, struct sim_file *file, int access)
{
	int fd = 0;

	while (fd < sim->fd_count && sim->fds[fd].file)
		fd++;
	if (fd == sim->fd_count) {
		sim->fd_count++;
		sim->fds = sim_alloc(sim->fds, (size_t)sim->fd_count * sizeof(*sim->fds));
	}
	sim->fds[fd] = (struct sim_fd){.file = file, .access = access};
	return fd;
}

int sim_file_create(struct sim *sim, uint64_t size)
{
	pthread_mutex_lock(&sim->mutex);
	int fd = sim_fd_new(sim, sim_file_new(sim, size, 0x801), 2);

	pthread_mutex_unlock(&sim->mutex);
	return fd;
}

int sim_file_open(struct sim *sim, int fd, int access)
{
	int result = -TULOU_EBADF;

	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);

	if (file) {
		file->refs++;
		result = sim_fd_new(sim, file, access);
	}
	pthread_mutex_unlock(&sim->mutex);
	return result;
}

void sim_file_close(struct sim *sim, int fd)
{
	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);

	if (file) {
		sim->fds[fd].file = NULL;
		sim_file_unref(file);
	}
	pthread_mutex_unlock(&sim->mutex);
}

/* The file's end moves up: what mappings left behind it in its last page is gone. */
static void sim_file_extend(struct sim_file *file, uint64_t size)
{
	size_t tail = file->size % TULOU_PAGE_SIZE;
	struct sim_page *page = tail ? sim_pages_find(&file->pages, file->size >> TULOU_PAGE_SHIFT) : NULL;

	if (page)
		memset(page->bytes + tail, 0, TULOU_PAGE_SIZE - tail);
	file->size = size;
}

static void sim_file_shrink(struct sim *sim, struct sim_file *file, uint64_t size)
{
	uint64_t end_page = (size + TULOU_PAGE_SIZE - 1) >> TULOU_PAGE_SHIFT, end = end_page << TULOU_PAGE_SHIFT;
	size_t tail = size % TULOU_PAGE_SIZE;
	struct sim_page *page = tail ? sim_pages_find(&file->pages, size >> TULOU_PAGE_SHIFT) : NULL;

	if (page)
		memset(page->bytes + tail, 0, TULOU_PAGE_SIZE - tail);
	sim_pages_drop(&file->pages, end_page, UINT64_MAX);
	file->size = size;
	/* private copies of pages past the end go too, as in the kernel */
	for (size_t i = 0; i < sim->areas.count; i++) {
		const struct sim_extent *extent = &sim->areas.items[i];

		if (extent->file != file || extent->offset + (extent->end - extent->start) <= end)
			continue;
		uintptr_t from = extent->offset >= end ? extent->start : extent->start + (end - extent->offset);
		sim_pages_drop(&sim->private_pages, from >> TULOU_PAGE_SHIFT, extent->end >> TULOU_PAGE_SHIFT);
	}
}

void sim_file_truncate(struct sim *sim, int fd, uint64_t size)
{
	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);

	if (file && size > file->size)
		sim_file_extend(file, size);
	else if (file && size < file->size)
		sim_file_shrink(sim, file, size);
	pthread_mutex_unlock(&sim->mutex);
}

uint64_t sim_file_size(struct sim *sim, int fd)
{
	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);
	uint64_t size = file ? file->size : 0;

	pthread_mutex_unlock(&sim->mutex);
	return size;
}

size_t sim_file_read(struct sim *sim, int fd, void *buffer, size_t size, uint64_t offset)
{
	uint8_t *to = buffer;

	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);

	if (!file || offset >= file->size)
		size = 0;
	else if (size > file->size - offset)
		size = file->size - offset;
	for (size_t i = 0; i < size; i++) {
		const struct sim_page *page = sim_pages_find(&file->pages, (offset + i) >> TULOU_PAGE_SHIFT);

		to[i] = page ? page->bytes[(offset + i) % TULOU_PAGE_SIZE] : 0;
	}
	pthread_mutex_unlock(&sim->mutex);
	return size;
}

void sim_file_write(struct sim *sim, int fd, const void *buffer, size_t size, uint64_t offset)
{
	const uint8_t *from = buffer;

	pthread_mutex_lock(&sim->mutex);
	struct sim_file *file = sim_fd_file(sim, fd);

	if (file && offset + size > file->size)
		sim_file_extend(file, offset + size);
	for (size_t i = 0; file && i < size; i++)
		sim_pages_get(&file->pages, (offset + i) >> TULOU_PAGE_SHIFT)->bytes[(offset + i) % TULOU_PAGE_SIZE] = from[i];
	pthread_mutex_unlock(&sim->mutex);
}

int sim_file_get(struct sim *sim, int fd, bool shared, struct tulou_file *out)
{
	static const int max_prot[] = {
		TULOU_PROT_READ | TULOU_PROT_EXEC, 0, TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC};
	struct sim_file *file = sim_fd_file(sim, fd);

	if (!file)
		return -TULOU_EBADF;
	file->refs++;
	sim->handles++;
	*out = (struct tulou_file){.dev = file->dev,
		.ino = file->ino,
		.handle = file,
		.fd = fd,
		.max_prot = max_prot[shared || sim->fds[fd].access == 1 ? sim->fds[fd].access : 2]};
	return 0;
}

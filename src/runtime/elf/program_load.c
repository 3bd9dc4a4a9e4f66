/* SPDX-License-Identifier: MIT */
/*
 * program_load.c - the second half of execve(2): an opened program into an empty process VM.
 *
 *     linked   start            end          the builder finds room for whole images; `bias` is what linked addresses
 *              ├text├──┤data├bss┤            are moved by
 *     placed   base + lead                   lead: the image's start in its alignment, so that the bias is a multiple of it
 *          ├lead┼text├gap┼data├bss┤          lead and gaps are given back
 */
#include <linux/mman.h>
#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"
#include "runtime/elf/program_internal.h"
#include "runtime/elf/stack.h"

#define PAGE_MASK (TULOU_PAGE_SIZE - 1)

#define STACK_FIRST (128ul << 10)
#define STACK_ROOM  (128ul << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct loader {
	struct tulou_process_vm *vm;
	const struct elf_info *info;
	const struct tulou_image *image;
	int fd;
	uintptr_t bias; /* wraps: an image may be placed below its linked address */
};

static uintptr_t page_down(uintptr_t at)
{
	return at & ~PAGE_MASK;
}

static uintptr_t page_up(uintptr_t at)
{
	return (at + PAGE_MASK) & ~PAGE_MASK;
}

/* ---- places ------------------------------------------------------------------------------------------------------------- */

/* What lies between the image's first page and the address below that has its alignment. */
static size_t image_lead(const struct elf_info *info)
{
	return info->type == ET_EXEC ? 0 : info->start & (info->align - 1);
}

static struct tulou_image image_of(const struct elf_info *info)
{
	bool fixed = info->type == ET_EXEC;
	return (struct tulou_image){
		.size = info->end - info->start + image_lead(info),
		.align = fixed ? TULOU_PAGE_SIZE : info->align,
		.fixed = fixed ? info->start : 0,
	};
}

/* As setup_arg_pages() of Linux: some pages at first, the rest as they are touched. Whoever raises RLIMIT_STACK later finds the room that
 * Linux leaves at least. */
static void stack_size_set(struct tulou_layout *layout, size_t need, size_t limit)
{
	size_t first = page_up(need) + STACK_FIRST, most = limit > STACK_ROOM ? limit : STACK_ROOM;

	if (first > limit)
		first = page_down(need > limit ? page_up(need) : limit);
	layout->stack_size = first;
	layout->stack_room = most - first;
}

/* ---- segments ----------------------------------------------------------------------------------------------------------- */

static int prot_of(const struct elf64_phdr *ph)
{
	return (ph->p_flags & PF_R ? TULOU_PROT_READ : 0) | (ph->p_flags & PF_W ? TULOU_PROT_WRITE : 0) |
	       (ph->p_flags & PF_X ? TULOU_PROT_EXEC : 0);
}

/* Zeroes the rest of a page of a private file mapping. The page may lie behind the file's end, where a store is SIGBUS: let the
 * kernel fault it in first, it can say no. */
static long tail_zero(uintptr_t at)
{
	size_t size = page_up(at) - at;
	if (size == 0)
		return 0;
	if (sys3(__NR_madvise, (long)page_down(at), TULOU_PAGE_SIZE, MADV_POPULATE_WRITE) < 0)
		return -TULOU_EFAULT;
	bytes_zero((void *)at, size);
	return 0;
}

/* Pages without file behind a segment. Readable and writable whatever the header says, as Linux has them. */
static long bss_map(const struct loader *l, uintptr_t start, uintptr_t end, int prot)
{
	if (start >= end)
		return 0;
	prot = TULOU_PROT_READ | TULOU_PROT_WRITE | (prot & TULOU_PROT_EXEC);
	int flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_FIXED;
	long at = tulou_mmap(l->vm, start, end - start, prot, flags, -1, 0);
	return at < 0 ? at : 0;
}

static long segment_map(const struct loader *l, const struct elf64_phdr *ph)
{
	int prot = prot_of(ph);
	uintptr_t start = l->bias + ph->p_vaddr;
	uintptr_t file_end = start + ph->p_filesz, end = start + ph->p_memsz;
	uintptr_t bss = page_down(start);
	if (ph->p_filesz) {
		uintptr_t in_page = start & PAGE_MASK;
		bss = page_up(file_end);
		long at = tulou_mmap(l->vm, start - in_page, bss - (start - in_page), prot, TULOU_MAP_PRIVATE | TULOU_MAP_FIXED,
			l->fd, ph->p_offset - in_page);
		if (at < 0)
			return at;
		if (end > file_end && (prot & TULOU_PROT_WRITE)) {
			long error = tail_zero(file_end);
			if (error)
				return error;
		}
	}
	return end > file_end ? bss_map(l, bss, page_up(end), prot) : 0;
}

/* From `at` on: the end of the segments that cover it or go on where others end; `at` itself when none does. */
static uintptr_t covered_until(const struct loader *l, uintptr_t at, uintptr_t *next_start)
{
	bool moved = true;
	while (moved) {
		moved = false;
		*next_start = l->image->base + l->image->size;
		for (unsigned i = 0; i < l->info->phnum; i++) {
			const struct elf64_phdr *ph = &l->info->phdrs[i];
			if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
				continue;
			uintptr_t start = page_down(l->bias + ph->p_vaddr), end = page_up(l->bias + ph->p_vaddr + ph->p_memsz);
			if (start <= at && at < end) {
				at = end;
				moved = true;
			} else if (start > at && start < *next_start) {
				*next_start = start;
			}
		}
	}
	return at;
}

static long gaps_unmap(const struct loader *l)
{
	uintptr_t end = l->image->base + l->image->size, next;
	for (uintptr_t at = l->image->base; (at = covered_until(l, at, &next)) < end; at = next) {
		long error = tulou_munmap(l->vm, at, next - at);
		if (error)
			return error;
	}
	return 0;
}

static long image_load(struct loader *l)
{
	l->bias = l->image->base + image_lead(l->info) - l->info->start;
	for (unsigned i = 0; i < l->info->phnum; i++) {
		if (l->info->phdrs[i].p_type != PT_LOAD)
			continue;
		long error = segment_map(l, &l->info->phdrs[i]);
		if (error)
			return error;
	}
	return gaps_unmap(l);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

static long images_load(
	struct program *p, struct tulou_process_vm *vm, const struct tulou_image *images, struct program_start *out)
{
	struct loader exe = {.vm = vm, .info = &p->exe, .image = &images[0], .fd = p->fd};
	long error = image_load(&exe);
	if (error)
		return error;
	out->exe_base = exe.bias;
	out->exe_start = exe.bias + p->exe.start;
	out->exe_end = exe.bias + p->exe.end;
	out->exe_entry = out->entry = exe.bias + p->exe.entry;
	out->phdr = exe.bias + p->exe.phdr_vaddr;
	if (p->has_interp) {
		struct loader interp = {.vm = vm, .info = &p->interp, .image = &images[1], .fd = p->interp_fd};
		error = image_load(&interp);
		if (error)
			return error;
		out->interp_base = interp.bias;
		out->interp_start = interp.bias + p->interp.start;
		out->interp_end = interp.bias + p->interp.end;
		out->entry = interp.bias + p->interp.entry;
	}
	return out->entry < ELF_TASK_SIZE ? 0 : -TULOU_EINVAL;
}

static long stack_load(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	const unsigned long *host_auxv, struct program_start *out)
{
	if (p->exe.stack_exec) {
		int prot = TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC;
		long error = tulou_mprotect(vm, out->stack_start, out->stack_end - out->stack_start, prot);
		if (error)
			return error;
	}
	struct auxv_program program = {
		.phdr = out->phdr,
		.phnum = p->exe.phnum,
		.base = out->interp_base,
		.entry = out->exe_entry,
	};
	stack_build(out, argv, envp, p->execfn, &program, host_auxv);
	return 0;
}

/* ---- once more ---------------------------------------------------------------------------------------------------------- */

/* What a fresh mapping of the segment would show: the file, zeros behind what is of the segment there. */
static long segment_read(int fd, uintptr_t bias, const struct elf64_phdr *ph)
{
	uintptr_t start = bias + ph->p_vaddr, in_page = start & PAGE_MASK, file_end = start + ph->p_filesz;
	size_t size = page_up(file_end) - (start - in_page), least = file_end - (start - in_page);
	long got = exec_file_read(fd, (void *)(start - in_page), size, ph->p_offset - in_page);

	if (got < (long)least)
		return got < 0 ? got : -TULOU_EIO;
	if (ph->p_memsz > ph->p_filesz)
		got = (long)least;
	bytes_zero((void *)(start - in_page + (size_t)got), size - (size_t)got);
	return 0;
}

static long image_read(int fd, uintptr_t bias, const struct elf_info *info)
{
	for (unsigned i = 0; i < info->phnum; i++) {
		const struct elf64_phdr *ph = &info->phdrs[i];
		long error = ph->p_type == PT_LOAD && (ph->p_flags & PF_W) && ph->p_filesz ? segment_read(fd, bias, ph) : 0;

		if (error)
			return error;
	}
	return 0;
}

long program_reload(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	const unsigned long *host_auxv, struct program_start *out)
{
	long error;

	if (stack_need(argv, envp, p->execfn) > out->stack_end - out->stack_start)
		return -TULOU_E2BIG; /* the stack as it begins is not all that there may be of it */
	error = image_read(p->fd, out->exe_base, &p->exe);
	if (!error && p->has_interp)
		error = image_read(p->interp_fd, out->interp_base, &p->interp);
	return error ? error : stack_load(p, vm, argv, envp, host_auxv, out);
}

/* ---- the first time ----------------------------------------------------------------------------------------------------- */

long program_load(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	const unsigned long *host_auxv, size_t stack_size, struct program_start *out)
{
	*out = (struct program_start){0};
	if (p->fatal)
		return p->exe.fatal ? -p->exe.fatal : p->interp.fatal ? -p->interp.fatal : -TULOU_EINVAL;
	long error = strings_limit_check(argv, envp, text_length(p->execfn) + 1, stack_size);
	if (error || stack_need(argv, envp, p->execfn) > stack_size) {
		program_why_set(p, program_error_text(-TULOU_E2BIG));
		return -TULOU_E2BIG;
	}

	struct tulou_image images[2] = {image_of(&p->exe)};
	if (p->has_interp)
		images[1] = image_of(&p->interp);
	struct tulou_layout layout = {
		.images = images,
		.image_count = p->has_interp ? 2 : 1,
	};
	stack_size_set(&layout, stack_need(argv, envp, p->execfn), stack_size);
	error = tulou_process_vm_build(vm, &layout);
	if (error) {
		program_why_set(p, error == -TULOU_EEXIST ? "its fixed addresses are taken" : "no room in the pool");
		return error;
	}
	out->stack_start = layout.stack_start;
	out->stack_end = layout.stack_end;
	out->heap_start = layout.heap_start;
	error = images_load(p, vm, images, out);
	if (error == 0)
		error = stack_load(p, vm, argv, envp, host_auxv, out);
	if (error)
		program_why_set(p, "its segments cannot be mapped");
	return error;
}

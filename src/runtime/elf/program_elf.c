/* SPDX-License-Identifier: MIT */
/* program_elf.c - the headers of a program and of its interpreter: read, checked, and what only the kernel can run told apart. */
#include <linux/fcntl.h>
#include "runtime/elf/bytes.h"
#include "runtime/elf/program_internal.h"
#include "runtime/layout.h"

/* `size` bytes at `offset` of the file whose first p->head_size bytes are in p->head. Bytes read, or -errno. */
static long head_read(struct program *p, int fd, void *out, size_t size, uint64_t offset)
{
	if (offset <= p->head_size && size <= p->head_size - offset) {
		bytes_copy(out, p->head.bytes + offset, size);
		return (long)size;
	}
	return exec_file_read(fd, out, size, offset);
}

/* Header and table of one file. 0 or -ENOEXEC. */
static long headers_read(struct program *p, int fd, uint64_t file_size, bool is_interp, bool *other_abi, const char **why)
{
	struct elf_info *info = is_interp ? &p->interp : &p->exe;
	struct elf64_phdr *table = is_interp ? p->interp_phdrs : p->exe_phdrs;
	long error = elf_parse_header(p->head.bytes, p->head_size, is_interp, info, other_abi, why);
	if (error)
		return error;
	size_t size = elf_table_size(info);
	if (head_read(p, fd, table, size, info->phoff) != (long)size) {
		*why = "truncated ELF program headers";
		return -TULOU_ENOEXEC;
	}
	return elf_parse_segments(table, is_interp, file_size, info, why);
}

static void interp_why_set(struct program *p, const char *why)
{
	program_why_set(p, "interpreter ");
	program_why_add(p, p->interp_path);
	program_why_add(p, ": ");
	program_why_add(p, why);
}

/* PT_INTERP into p->interp_path. */
static long interp_path_read(struct program *p)
{
	size_t size = p->exe.interp_size;
	long got = head_read(p, p->fd, p->interp_path, size, p->exe.interp_offset);
	if (got == (long)size && p->interp_path[size - 1] == '\0')
		return 0;
	p->interp_path[0] = '\0';
	program_why_set(p, "ELF interpreter's name cannot be read");
	if (got < 0)
		return got;
	return got == (long)size ? -TULOU_ENOEXEC : -TULOU_EIO;
}

static long interp_open(struct program *p)
{
	struct exec_file file;
	const char *why = NULL;
	/* Linux looks up an empty name as the working directory itself. */
	long error = exec_file_open(AT_FDCWD, p->interp_path[0] ? p->interp_path : ".", 0, &file, &why);
	if (error) {
		interp_why_set(p, why ? why : program_error_text(error));
		return error;
	}
	if (file.unreadable) {
		program_native_set(p, "interpreter is executable, but not readable");
		return 0;
	}
	p->interp_fd = file.fd;
	p->interp_file_size = (uint64_t)file.stat.st_size;
	p->has_interp = true;
	return 0;
}

static long interp_enter(struct program *p)
{
	long error = interp_path_read(p);
	if (error == 0)
		error = interp_open(p);
	if (error || p->native)
		return error;

	long got = exec_file_read(p->interp_fd, p->head.bytes, sizeof(p->head.bytes), 0);
	p->head_size = got < 0 ? 0 : (size_t)got;
	if (got < ELF_HEADER_SIZE) {
		interp_why_set(p, "truncated ELF header");
		return got < 0 ? got : -TULOU_EIO;
	}
	bool other_abi;
	const char *why = "";
	if (headers_read(p, p->interp_fd, p->interp_file_size, true, &other_abi, &why)) {
		interp_why_set(p, why);
		return -TULOU_ELIBBAD;
	}
	return 0;
}

/* What we would do differently than the kernel. */
static void native_detect(struct program *p, const struct exec_file *file)
{
	const char *privilege = exec_file_privilege(file);
	if (privilege)
		program_native_set(p, privilege);
	else if (p->exe.type == ET_EXEC && p->exe.end > TRAP_END)
		program_native_set(p, "linked at an address outside of the pool");
}

static void fatal_detect(struct program *p)
{
	const char *why = p->exe.fatal ? p->exe.fatal_why : p->interp.fatal ? p->interp.fatal_why : NULL;
	bool both_fixed = p->has_interp && p->exe.type == ET_EXEC && p->interp.type == ET_EXEC;
	if (!why && both_fixed && p->exe.start < p->interp.end && p->interp.start < p->exe.end)
		why = "ELF file and interpreter linked at the same address";
	if (!why)
		return;
	p->fatal = true;
	program_why_set(p, why);
}

long program_elf_enter(struct program *p, struct exec_file *file)
{
	p->fd = file->fd;
	p->dev = file->stat.st_dev;
	p->ino = file->stat.st_ino;
	p->size = (uint64_t)file->stat.st_size;
	p->mtime_sec = (int64_t)file->stat.st_mtime;
	p->mtime_nsec = (int64_t)file->stat.st_mtime_nsec;

	bool other_abi = false;
	const char *why = "";
	long error = headers_read(p, p->fd, p->size, false, &other_abi, &why);
	if (error && other_abi) {
		program_native_set(p, why);
		return 0;
	}
	if (error) {
		program_why_set(p, why);
		return error;
	}
	if (p->exe.interp_size)
		error = interp_enter(p);
	if (error || p->native)
		return error;
	fatal_detect(p);
	native_detect(p, file);
	return 0;
}

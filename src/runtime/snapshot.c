/* SPDX-License-Identifier: MIT */
#include "runtime/snapshot.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/layout.h"
#include "runtime/message.h"
#include "runtime/text.h"
#include "runtime/user.h"

enum { NAME_COLUMN = 73, LINE_MAX = 4096 + 128, SEEK_START = 0 };

static long snapshot_open(int flags)
{
	return sys2(__NR_memfd_create, (long)"tulou", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
}

/* At its beginning, or closed when `result` says that it failed. */
static long snapshot_close(long fd, long result)
{
	if (result < 0) {
		sys1(__NR_close, fd);
		return result;
	}
	sys3(__NR_lseek, fd, 0, SEEK_START);
	return fd;
}

/* ---- ranges of the process's own memory ------------------------------------------------------------------------------------------ */

static long snapshot_memory(uintptr_t start, uintptr_t end, int flags)
{
	char buffer[2048];
	long fd = snapshot_open(flags), result = 0;

	if (fd < 0)
		return fd;
	while (start < end && result >= 0) {
		size_t part = end - start < sizeof buffer ? end - start : sizeof buffer;
		if (user_read(buffer, start, part) < 0)
			break; /* the process has unmapped it: as the kernel, nothing more */
		result = write_all((int)fd, buffer, part);
		start += part;
	}
	return snapshot_close(fd, result);
}

long snapshot_cmdline(struct process *process, int flags)
{
	return snapshot_memory(process->layout.arg_start, process->layout.arg_end, flags);
}

long snapshot_environ(struct process *process, int flags)
{
	return snapshot_memory(process->layout.env_start, process->layout.env_end, flags);
}

long snapshot_auxv(struct process *process, int flags)
{
	return snapshot_memory(process->layout.auxv, process->layout.auxv + process->layout.auxv_size, flags);
}

/* ---- maps ----------------------------------------------------------------------------------------------------------------------- */

static uintptr_t parse_address(const char **text)
{
	uintptr_t address = 0;

	for (;; ++*text) {
		unsigned c = (unsigned char)**text;
		unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
		if (digit > 15)
			return address;
		address = address << 4 | digit;
	}
}

/* The name that Linux would show where the kernel, for which all is anonymous memory, shows none. */
static const char *own_mark(const struct process *process, uintptr_t start, uintptr_t end)
{
	const struct program_start *layout = &process->layout;
	uintptr_t brk = (uintptr_t)tulou_brk(process->vm, 0);

	if (start < layout->stack_end && end > layout->stack_start)
		return "[stack]";
	if (start < brk && end > layout->heap_start)
		return "[heap]";
	return NULL;
}

static bool has_name(size_t length)
{
	return length > NAME_COLUMN;
}

static long put_line(int fd, const struct process *process, const char *line, size_t size)
{
	const char *at = line, *mark;
	uintptr_t start = parse_address(&at), end;
	char text[LINE_MAX];
	size_t length = size - 1; /* without the newline */

	at++;
	end = parse_address(&at);
	if (start >= POOL_END) /* the kernel's own, which every process has: [vdso] and its kind */
		return has_name(length) && line[NAME_COLUMN] == '[' && !text_after(line + NAME_COLUMN, "[stack") &&
				       !text_after(line + NAME_COLUMN, "[heap")
			       ? write_all(fd, line, size)
			       : 0;
	if (!tulou_access_ok(process->vm, start, TULOU_PAGE_SIZE, TULOU_PROT_NONE))
		return 0;
	mark = own_mark(process, start, end);
	if (!mark || has_name(length))
		return write_all(fd, line, size);
	memcpy(text, line, length);
	while (length < NAME_COLUMN)
		text[length++] = ' ';
	length += format(text + length, sizeof text - length, "%s\n", mark);
	return write_all(fd, text, length);
}

/* Copy the kernel's lines that are ours; `buffer` holds a line at least. */
static long filter_lines(int from, int to, const struct process *process, char *buffer, size_t capacity)
{
	size_t have = 0;
	long result = 0;

	for (;;) {
		long more = sys3(__NR_read, from, (long)(buffer + have), (long)(capacity - have));
		size_t at = 0;
		if (more <= 0)
			return more;
		have += (size_t)more;
		for (size_t end = 0; end < have; end++) {
			if (buffer[end] != '\n')
				continue;
			result = put_line(to, process, buffer + at, end + 1 - at);
			if (result < 0)
				return result;
			at = end + 1;
		}
		memmove(buffer, buffer + at, have - at);
		have -= at;
	}
}

long snapshot_maps(struct process *process, int flags)
{
	char buffer[2 * LINE_MAX];
	long from = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), to, result;

	if (from < 0)
		return from;
	to = snapshot_open(flags);
	if (to < 0) {
		sys1(__NR_close, from);
		return to;
	}
	result = filter_lines((int)from, (int)to, process, buffer, sizeof buffer);
	sys1(__NR_close, from);
	/* The lowest descriptor, as open would have given. */
	if (result >= 0 && from < to) {
		result = sys3(__NR_dup3, to, from, flags & O_CLOEXEC);
		sys1(__NR_close, to);
		to = from;
	}
	return snapshot_close(to, result);
}

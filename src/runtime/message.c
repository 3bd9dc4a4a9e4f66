/* SPDX-License-Identifier: MIT */
#include "runtime/message.h"

#include <asm-generic/errno.h>
#include <stdarg.h>

#include "base/format.h"
#include "host/linux/syscall.h"

enum { MESSAGE_MAX = 1024, STDERR = 2 };

void message(const char *text, ...)
{
	char line[MESSAGE_MAX];
	size_t length = format(line, sizeof line, "tulou: ");
	va_list args;

	va_start(args, text);
	length += format_list(line + length, sizeof line - length - 1, text, args);
	va_end(args);
	if (length > sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	write_all(STDERR, line, length);
}

long write_all(int fd, const char *text, size_t size)
{
	while (size) {
		long written = sys3(__NR_write, fd, (long)text, (long)size);
		if (written == -EINTR)
			continue;
		if (written < 0)
			return written;
		text += written;
		size -= (size_t)written;
	}
	return 0;
}

const char *error_text(long error)
{
	switch (-error) {
	case EPERM:
		return "Operation not permitted";
	case ENOENT:
		return "No such file or directory";
	case E2BIG:
		return "Argument list too long";
	case ENOEXEC:
		return "Exec format error";
	case EAGAIN:
		return "Resource temporarily unavailable";
	case ENOMEM:
		return "Cannot allocate memory";
	case EACCES:
		return "Permission denied";
	case EEXIST:
		return "File exists";
	case EMFILE:
		return "Too many open files";
	case ENOSPC:
		return "No space left on device";
	case EPIPE:
		return "Broken pipe";
	case ENOTDIR:
		return "Not a directory";
	case EISDIR:
		return "Is a directory";
	case EINVAL:
		return "Invalid argument";
	case ENOSYS:
		return "Function not implemented";
	case ELOOP:
		return "Too many levels of symbolic links";
	case ENAMETOOLONG:
		return "File name too long";
	case ELIBBAD:
		return "Accessing a corrupted shared library";
	default:
		return "error";
	}
}

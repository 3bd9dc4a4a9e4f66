/* SPDX-License-Identifier: MIT */
/*
 * program_open.c - the first half of execve(2): from a name to checked headers, without changing anything.
 *
 *     step ──> file_enter: open, read the head
 *      ^           │
 *      │           ├ "#!…"  script_enter: the interpreter's name is the next file ──┐
 *      │           └ else   elf_enter (program_elf.c)                               │
 *      └────────────────────────────────────────────────────────────────────────────┘
 */
#include "runtime/elf/program.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"
#include "runtime/elf/exec_path.h"
#include "runtime/elf/program_internal.h"

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000 /* Linux 6.14 */
#endif

void program_init(struct program *p)
{
	p->fd = p->interp_fd = -1;
	p->has_interp = p->is_script = p->native = p->fatal = false;
	p->native_why = NULL;
	p->exe = p->interp = (struct elf_info){0};
	p->dev = p->ino = p->size = 0;
	p->mtime_sec = p->mtime_nsec = 0;
	p->path[0] = p->comm[0] = p->execfn[0] = p->interp_path[0] = p->why[0] = '\0';
	p->script_count = 0;
	p->head_size = 0;
}

struct program *program_create(void)
{
	long at = sys6(__NR_mmap, 0, sizeof(struct program), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at < 0)
		return NULL;
	program_init((struct program *)at);
	return (struct program *)at;
}

void program_destroy(struct program *p)
{
	if (!p)
		return;
	program_close(p);
	sys2(__NR_munmap, (long)p, sizeof(*p));
}

void program_close(struct program *p)
{
	if (p->fd >= 0)
		sys1(__NR_close, p->fd);
	if (p->interp_fd >= 0)
		sys1(__NR_close, p->interp_fd);
	p->fd = p->interp_fd = -1;
}

const char *program_why(const struct program *p)
{
	return p->why;
}

/* ---- reasons ------------------------------------------------------------------------------------------------------------ */

void program_why_set(struct program *p, const char *text)
{
	text_put(p->why, sizeof(p->why), 0, text);
}

void program_why_add(struct program *p, const char *text)
{
	text_put(p->why, sizeof(p->why), text_length(p->why), text);
}

const char *program_error_text(long error)
{
	switch (-error) {
	case TULOU_ENOENT:
		return "not found";
	case TULOU_EACCES:
		return "permission denied";
	case TULOU_ENOTDIR:
		return "a part of the path is not a directory";
	case TULOU_ELOOP:
		return "too many symbolic links";
	case TULOU_ENAMETOOLONG:
		return "name too long";
	case TULOU_ENOMEM:
		return "out of memory";
	case TULOU_E2BIG:
		return "argument list too long";
	case TULOU_EMFILE:
	case TULOU_ENFILE:
		return "too many open files";
	case TULOU_ETXTBSY:
		return "open for writing";
	case TULOU_EBADF:
		return "bad file descriptor";
	case TULOU_EIO:
		return "input/output error";
	default:
		return "cannot be opened";
	}
}

void program_native_set(struct program *p, const char *why)
{
	p->native = true;
	p->native_why = why;
	program_why_set(p, why);
}

/* ---- the name ----------------------------------------------------------------------------------------------------------- */

static bool by_descriptor(int dirfd, const char *path)
{
	return dirfd != AT_FDCWD && path[0] != '/';
}

/* AT_EXECFN: /dev/fd/N or /dev/fd/N/name when the name means nothing without the descriptor. */
static void execfn_set(struct program *p, int dirfd, const char *path)
{
	size_t used = 0, capacity = sizeof(p->execfn);
	if (by_descriptor(dirfd, path)) {
		char digits[12];
		unsigned at = sizeof(digits), number = (unsigned)dirfd;
		digits[--at] = '\0';
		do
			digits[--at] = (char)('0' + number % 10);
		while (number /= 10);
		used = text_put(p->execfn, capacity, 0, "/dev/fd/");
		used = text_put(p->execfn, capacity, used, digits + at);
		if (path[0] != '\0')
			used = text_put(p->execfn, capacity, used, "/");
	}
	text_put(p->execfn, capacity, used, path);
}

/* The task's new name: the last part of the name given; of the file's own when only a descriptor was given. */
static void comm_set(struct program *p, bool itself)
{
	const char *name = itself ? p->path : p->execfn;
	for (const char *at = name; *at; at++)
		if (*at == '/')
			name = at + 1;
	text_put(p->comm, sizeof(p->comm), 0, name);
}

/* ---- scripts ------------------------------------------------------------------------------------------------------------ */

/* The name under which the k-th script is known to its interpreter. */
static const char *script_name(const struct program *p, unsigned k)
{
	return k == 0 ? p->execfn : p->scripts[k - 1].interp;
}

/* All or nothing: the room is taken first. */
static long argv_rewrite(const struct program *p, struct strings *argv)
{
	size_t needed = 1;
	for (unsigned k = 0; k < p->script_count; k++)
		needed += text_length(script_name(p, k)) + sizeof(p->scripts[k].line) + 2;
	if (argv->size > STRINGS_ALL_MAX - needed)
		return -TULOU_E2BIG;
	if (!strings_reserve(argv, needed))
		return -TULOU_ENOMEM;

	if (argv->count == 0)
		strings_append(argv, "");
	for (unsigned k = 0; k < p->script_count; k++) {
		const struct script *script = &p->scripts[k];
		strings_drop_first(argv);
		strings_prepend(argv, script_name(p, k));
		if (script->arg)
			strings_prepend(argv, script->arg);
		strings_prepend(argv, script->interp);
	}
	return 0;
}

/* An interpreter must be able to open the script again: not through a descriptor that exec closes. */
static bool name_will_vanish(int dirfd, const char *path)
{
	return by_descriptor(dirfd, path) && (sys2(__NR_fcntl, dirfd, F_GETFD) & FD_CLOEXEC);
}

/* Of the file that was found: p->path. */
static void path_set(struct program *p, int dirfd, const char *path, int flags)
{
	const char *name = p->script_count ? p->scripts[p->script_count - 1].interp : path;
	bool named = p->script_count || (!by_descriptor(dirfd, path) && !flags);

	if (named && exec_path_resolve(name, p->dev, p->ino, p->path, sizeof(p->path)))
		return;
	if (!exec_file_path(p->fd, p->path, sizeof(p->path)))
		text_put(p->path, sizeof(p->path), 0, p->script_count ? name : p->execfn);
}

/* ---- one file after the other ------------------------------------------------------------------------------------------- */

/* Opens a file and reads its head. */
static long file_enter(struct program *p, int dirfd, const char *path, int flags, struct exec_file *file)
{
	const char *why = NULL;
	long error = exec_file_open(dirfd, path, flags, file, &why);
	if (error == 0 && !file->unreadable) {
		error = exec_file_read(file->fd, p->head.bytes, sizeof(p->head.bytes), 0);
		p->head_size = error < 0 ? 0 : (size_t)error;
		error = error < 0 ? error : 0;
	}
	if (error == 0)
		return 0;
	exec_file_close(file);
	why = why ? why : program_error_text(error);
	program_why_set(p, "");
	if (p->script_count) {
		program_why_add(p, "interpreter ");
		program_why_add(p, p->scripts[p->script_count - 1].interp);
		program_why_add(p, ": ");
	}
	program_why_add(p, why);
	return error;
}

/* The file is a script: on to its interpreter. `file` becomes that. */
static long script_enter(struct program *p, bool vanishes, struct exec_file *file)
{
	struct script *script = &p->scripts[p->script_count];
	long error = script_parse(p->head.bytes, p->head_size, script);
	exec_file_close(file);
	if (error) {
		program_why_set(p, "script that names no interpreter");
		return error;
	}
	if (vanishes) {
		program_why_set(p, "script behind a close-on-exec descriptor");
		return -TULOU_ENOENT;
	}
	p->script_count++;
	/* Linux looks up an empty name as the working directory itself. */
	error = file_enter(p, AT_FDCWD, script->interp[0] ? script->interp : ".", 0, file);
	if (error == 0 && p->script_count > SCRIPT_DEPTH_MAX) {
		exec_file_close(file);
		program_why_set(p, "too many scripts whose interpreter is a script");
		error = -TULOU_ELOOP;
	}
	return error;
}

/* Follows scripts up to a file that is none; that one is left open in `file`. */
static long file_find(struct program *p, int dirfd, const char *path, int flags, struct exec_file *file)
{
	bool vanishes = name_will_vanish(dirfd, path);
	long error = file_enter(p, dirfd, path, flags, file);
	while (error == 0 && !file->unreadable && script_detect(p->head.bytes, p->head_size))
		error = script_enter(p, vanishes, file);
	p->is_script = p->script_count > 0;
	return error;
}

long program_open(struct program *p, int dirfd, const char *path, int flags, struct strings *argv)
{
	program_init(p);
	if (path[0] == '\0' && !(flags & AT_EMPTY_PATH)) {
		program_why_set(p, "no name");
		return -TULOU_ENOENT; /* Linux reads the name before the flags */
	}
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK)) {
		program_why_set(p, "unknown flags");
		return -TULOU_EINVAL;
	}
	if (flags & AT_EXECVE_CHECK) {
		program_native_set(p, "only a check is asked for");
		return 0;
	}
	execfn_set(p, dirfd, path);

	struct exec_file file;
	long error = file_find(p, dirfd, path, flags, &file);
	if (error)
		return error;
	if (file.unreadable) {
		program_native_set(p, "executable, but not readable");
		return 0;
	}
	error = program_elf_enter(p, &file);
	if (error == 0 && !p->native)
		error = argv_rewrite(p, argv);
	if (error || p->native) {
		program_close(p);
		return error;
	}
	path_set(p, dirfd, path, flags);
	comm_set(p, path[0] == '\0');
	return 0;
}

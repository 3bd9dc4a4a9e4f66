/* SPDX-License-Identifier: MIT */
/*
 * exec_path.c - a file's resolved path from its name, link by link.
 *
 * /proc/self/fd/N says the same, but a new process pays for it: the kernel first makes its directory there, 12 µs and what it takes
 * to forget it again, where four readlinks take 3.
 *
 *     path:  /usr/bin\0 ........................ /true\0       resolved, and at the end of the room what is left
 *                     └─ the next link is read here
 */
#include "runtime/elf/exec_path.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <tulou/abi.h>
#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"

enum { LINKS_MAX = 40, TYPE_MASK = 0170000, TYPE_LINK = 0120000 };

struct walk {
	char *path;
	size_t used; /* resolved: bytes without the NUL, none for the root */
	size_t rest; /* where the rest begins; it ends with the room */
	unsigned links;
};

/* Put `size` bytes in front of the rest. */
static bool rest_prepend(struct walk *w, const char *from, size_t size)
{
	if (w->rest < size + w->used + 1)
		return false;
	w->rest -= size;
	bytes_move(w->path + w->rest, from, size);
	return true;
}

/* The name, from the root on. */
static bool walk_begin(struct walk *w, const char *name)
{
	long size;

	w->path[w->rest] = '\0';
	if (!rest_prepend(w, name, text_length(name)))
		return false;
	if (name[0] == '/')
		return true;
	size = sys2(__NR_getcwd, (long)w->path, (long)w->rest); /* with its NUL */
	return size > 1 && w->path[0] == '/' && rest_prepend(w, "/", 1) && rest_prepend(w, w->path, (size_t)size - 1);
}

/* The next component behind what is resolved. 0: there is none; -1: not for us. Else the size of both. */
static long component_take(struct walk *w)
{
	size_t size, end = w->used;

	do { /* "." and the slashes around it */
		while (w->path[w->rest] == '/')
			w->rest++;
		for (size = 0; w->path[w->rest + size] && w->path[w->rest + size] != '/';)
			size++;
		if (!size)
			return 0;
		w->rest += size;
	} while (size == 1 && w->path[w->rest - 1] == '.');
	w->rest -= size;
	if (size == 2 && w->path[w->rest] == '.' && w->path[w->rest + 1] == '.')
		return -1;
	w->path[end++] = '/'; /* there is room: it stood before the component, at the rest's start or behind the prefix */
	bytes_move(w->path + end, w->path + w->rest, size);
	w->rest += size;
	w->path[end + size] = '\0';
	return (long)(end + size);
}

/* The link of which `end` bytes are the name: what it says comes before the rest. */
static bool link_follow(struct walk *w, size_t end)
{
	char *target = w->path + end + 1;
	size_t room = w->rest > end + 1 ? w->rest - end - 1 : 0;
	long size = room ? sys4(__NR_readlinkat, AT_FDCWD, (long)w->path, (long)target, (long)room) : -1;

	if (size <= 0 || (size_t)size == room || ++w->links > LINKS_MAX)
		return false;
	w->rest -= (size_t)size;
	bytes_move(w->path + w->rest, target, (size_t)size);
	if (w->path[w->rest] == '/')
		w->used = 0;
	return true;
}

bool exec_path_resolve(const char *name, uint64_t dev, uint64_t ino, char *path, size_t capacity)
{
	struct walk w = {.path = path, .rest = capacity - 1};
	struct stat about;
	long end;

	if (!walk_begin(&w, name))
		return false;
	while ((end = component_take(&w)) > 0) {
		if (sys4(__NR_newfstatat, AT_FDCWD, (long)path, (long)&about, AT_SYMLINK_NOFOLLOW) < 0)
			return false;
		if ((about.st_mode & TYPE_MASK) != TYPE_LINK)
			w.used = (size_t)end;
		else if (!link_follow(&w, (size_t)end))
			return false;
	}
	return end == 0 && w.used && about.st_dev == dev && about.st_ino == ino;
}

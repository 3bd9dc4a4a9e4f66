/* SPDX-License-Identifier: MIT */
#include "runtime/procfs/name.h"

#include <linux/fcntl.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/process/other.h"
#include "runtime/text.h"
#include "runtime/user.h"

enum { PATH_SHORT = 64, LINK_PATH = 40 };

static const struct {
	const char *name;
	enum proc_file file;
} files[] = {
	{"exe", PROC_EXE},
	{"cmdline", PROC_CMDLINE},
	{"environ", PROC_ENVIRON},
	{"auxv", PROC_AUXV},
	{"maps", PROC_MAPS},
	{"smaps", PROC_SMAPS},
	{"smaps_rollup", PROC_SMAPS_ROLLUP},
	{"numa_maps", PROC_NUMA_MAPS},
	{"statm", PROC_STATM},
	{"status", PROC_STATUS},
	{"stat", PROC_STAT},
	{"limits", PROC_LIMITS},
	{"oom_score_adj", PROC_OOM_SCORE_ADJ},
	{"oom_adj", PROC_OOM_ADJ},
	{"coredump_filter", PROC_COREDUMP_FILTER},
	{"clear_refs", PROC_CLEAR_REFS},
};

static enum proc_file file_named(const char *name)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (text_equal(name, files[i].name))
			return files[i].file;
	return PROC_NONE;
}

/* ---- whose directory ------------------------------------------------------------------------------------------------------------ */

/* "123/rest": the rest, or NULL. */
static const char *number_part(const char *text, int *number)
{
	unsigned long value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && value < INT32_MAX / 10; at++)
		value = value * 10 + (unsigned)(*at - '0');
	*number = (int)value;
	return at > text && *at == '/' ? at + 1 : NULL;
}

/* Another guest whose memory is in the books: not one that has not begun, has left by a real execve, or is dead. */
struct process *proc_process_named(struct process *self, int pid)
{
	if (self->pid == pid)
		return self;
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		struct process *other = process_at(slot);
		uint32_t word = __atomic_load_n(&other->word, __ATOMIC_ACQUIRE);

		if (other->pid == pid && process_state(other) == PROCESS_LIVE && (word & WORD_TID) == (uint32_t)pid)
			return other;
	}
	return NULL;
}

/* It may speak of nobody that we know: then `process` is NULL, and `other` the pid. */
static bool parse(struct process *self, const char *path, struct proc_name *out)
{
	const char *rest = text_after(path, "/proc/"), *after;
	int number;

	if (!rest || text_length(path) >= PROC_PATH)
		return false;
	out->process = self;
	out->tid = self->pid;
	out->other = 0;
	if ((after = text_after(rest, "self/"))) {
		rest = after;
	} else if ((after = text_after(rest, "thread-self/"))) {
		rest = after;
		out->tid = 0;
	} else if ((after = number_part(rest, &number))) {
		rest = after;
		out->tid = number;
		out->process = proc_process_named(self, number);
		out->other = out->process ? 0 : number;
	} else
		return false;
	after = text_after(rest, "task/");
	if (after && (after = number_part(after, &number)))
		out->tid = number;
	out->file = file_named(after ? after : rest);
	if (path != out->path)
		memcpy(out->path, path, text_length(path) + 1);
	return out->file != PROC_NONE;
}

bool proc_name_parse(struct process *self, const char *path, struct proc_name *out)
{
	return parse(self, path, out) && out->process;
}

/* ---- guests of other instances ----------------------------------------------------------------------------------------------------- */

static bool other_take(struct proc_name *name)
{
	uintptr_t slot = name->file <= PROC_AUXV ? other_slot(name->other) : 0;
	long copy = -1;

	if (slot)
		copy = sys6(__NR_mmap, 0, sizeof(struct process), TULOU_PROT_READ | TULOU_PROT_WRITE,
			TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, -1, 0);
	if (copy < 0)
		return false;
	name->process = (struct process *)copy;
	if (other_read(name->other, name->process, slot, sizeof(struct process)) == sizeof(struct process)) {
		name->process->exe[PROCESS_PATH - 1] = 0;
		return true;
	}
	proc_name_drop(name);
	return false;
}

void proc_name_drop(struct proc_name *name)
{
	if (name->other)
		sys2(__NR_munmap, (long)name->process, sizeof(struct process));
}

/* ---- the guest's words ---------------------------------------------------------------------------------------------------------- */

/* Put the directory before a relative path. */
static bool join_directory(int dirfd, const char *relative, char *out)
{
	char link[LINK_PATH], directory[PATH_SHORT];
	long length;

	if (dirfd == AT_FDCWD)
		format(link, sizeof link, "/proc/thread-self/cwd");
	else
		format(link, sizeof link, "/proc/thread-self/fd/%d", dirfd);
	length = sys4(__NR_readlinkat, AT_FDCWD, (long)link, (long)directory, sizeof directory - 1);
	if (length < 0 || length == sizeof directory - 1)
		return false;
	directory[length] = 0;
	if (!text_after(directory, "/proc"))
		return false;
	format(out, PROC_PATH, "%s/%s", directory, relative);
	return true;
}

static const char *last_part(const char *path)
{
	const char *part = path;

	for (; *path; path++)
		if (*path == '/')
			part = path + 1;
	return part;
}

bool proc_name_guest(struct thread *thread, int dirfd, uint64_t path, struct proc_name *out)
{
	char text[PATH_SHORT];
	long have = user_read_some(text, path, sizeof text - 1);

	if (have <= 0)
		return false;
	text[have] = 0;
	if (text[0] == '/' ? !parse(thread->process, text, out)
			   : file_named(last_part(text)) == PROC_NONE || !join_directory(dirfd, text, out->path) ||
				     !parse(thread->process, out->path, out))
		return false;
	return out->process || other_take(out);
}

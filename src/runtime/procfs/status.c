/* SPDX-License-Identifier: MIT */
/* status.c - status, stat and statm: the kernel's text with what is about memory replaced by the process's own. */
#include "runtime/procfs/procfs.h"

#include <asm-generic/errno-base.h>
#include <linux/seccomp.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"

enum { PAGE_SHIFT = 12, KIB_SHIFT = 10 };

/* size resident shared text lib data dirty, in pages */
long write_statm(struct snapshot *s)
{
	struct own_memory m;

	own_memory_take(s, &m);
	output_print(&s->out, "%zu %zu %zu %zu 0 %zu 0\n", m.size >> PAGE_SHIFT, own_memory_resident(&m) >> PAGE_SHIFT,
		(m.file + m.shared_memory) >> PAGE_SHIFT, m.text >> PAGE_SHIFT, (m.data + m.stack) >> PAGE_SHIFT);
	return 0;
}

/* ---- status --------------------------------------------------------------------------------------------------------------------- */

/* A line of our own in place of the kernel's; false: the kernel's stays. */
static bool replace_size(struct snapshot *s, const char *text, const struct own_memory *m)
{
	const struct {
		const char *key;
		size_t value;
	} values[] = {
		{"VmPeak:", m->peak},
		{"VmSize:", m->size},
		{"VmLck:", m->locked},
		{"VmHWM:", m->resident_peak},
		{"VmRSS:", own_memory_resident(m)},
		{"RssAnon:", m->anonymous},
		{"RssFile:", m->file},
		{"RssShmem:", m->shared_memory},
		{"VmData:", m->data},
		{"VmStk:", m->stack},
		{"VmExe:", m->text},
		{"VmLib:", m->library},
		{"VmSwap:", m->swapped},
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (text_after(text, values[i].key)) {
			output_print(&s->out, "%s\t%8zu kB\n", values[i].key, values[i].value >> KIB_SHIFT);
			return true;
		}
	return false;
}

/* SIGSYS is always caught, by the runtime: what counts is what the guest does with it. And in a trap all signals are blocked. */
static bool replace_signals(struct snapshot *s, const char *text)
{
	uint64_t handler = s->process->actions[SIGNAL_SIGSYS].handler, set;
	const char *at;

	if ((at = text_after(text, "SigBlk:\t")) && s->mask) {
		output_print(&s->out, "SigBlk:\t%016lx\n", (unsigned long)*s->mask);
		return true;
	}
	if ((at = text_after(text, "SigIgn:\t"))) {
		set = text_hex(&at) | (handler == 1 ? SIGNAL_BIT(SIGNAL_SIGSYS) : 0);
		output_print(&s->out, "SigIgn:\t%016lx\n", (unsigned long)set);
		return true;
	}
	if ((at = text_after(text, "SigCgt:\t"))) {
		set = (text_hex(&at) & ~SIGNAL_BIT(SIGNAL_SIGSYS)) | (handler > 1 ? SIGNAL_BIT(SIGNAL_SIGSYS) : 0);
		output_print(&s->out, "SigCgt:\t%016lx\n", (unsigned long)set);
		return true;
	}
	return false;
}

/* The kernel says Seccomp (0: none, 2: filters) in the line before the one that tells. */
static bool replace_filters(struct snapshot *s, const char *text)
{
	const char *count = text_after(text, "Seccomp_filters:\t");
	unsigned long filters;

	if (!count)
		return text_after(text, "Seccomp:\t");
	filters = text_decimal(&count);
	filters = filters > OWN_FILTERS ? filters - OWN_FILTERS : 0;
	output_print(&s->out, "Seccomp:\t%d\nSeccomp_filters:\t%lu\n", filters ? SECCOMP_MODE_FILTER : 0, filters);
	return true;
}

static bool replace_huge_pages(struct snapshot *s, const char *text)
{
	const char *value = text_after(text, "THP_enabled:\t");

	if (!value)
		return false;
	output_print(&s->out, "THP_enabled:\t%d\n", s->process->attributes.thp_disabled != 1);
	return true;
}

long write_status(struct snapshot *s)
{
	struct own_memory m;
	char *text;
	long size;

	own_memory_take(s, &m);
	while ((size = lines_next(&s->in, &text)) > 0)
		if (!s->in.begins || (!replace_size(s, text, &m) && !replace_signals(s, text) && !replace_filters(s, text) &&
					     !replace_huge_pages(s, text)))
			output_put(&s->out, text, (size_t)size);
	return size;
}

long status_number(const char *key)
{
	return proc_number("/proc/thread-self/status", key);
}

/* ---- stat ----------------------------------------------------------------------------------------------------------------------- */

/* proc(5): pid (comm) state …; the fields behind the name are numbered from 3 on. */
enum {
	FIELD_STATE = 3,
	FIELD_VSIZE = 23,
	FIELD_RSS = 24,
	FIELD_STARTCODE = 26,
	FIELD_ENDCODE = 27,
	FIELD_STARTSTACK = 28,
	FIELD_START_DATA = 45,
	FIELD_END_DATA = 46,
	FIELD_START_BRK = 47,
	FIELD_ARG_START = 48,
	FIELD_ARG_END = 49,
	FIELD_ENV_START = 50,
	FIELD_ENV_END = 51,
};

/* The value of a field that is about memory; false: the kernel's stays. Addresses stay 0 for who may not see them. */
static bool field_value(const struct snapshot *s, const struct own_memory *m, unsigned field, bool hidden, uintptr_t *out)
{
	const struct program_start *layout = &s->process->layout;
	const struct {
		unsigned field;
		uintptr_t value;
	} values[] = {
		{FIELD_STARTCODE, m->code_start},
		{FIELD_ENDCODE, m->code_end},
		{FIELD_STARTSTACK, layout->sp},
		{FIELD_START_DATA, m->data_start},
		{FIELD_END_DATA, m->data_end},
		{FIELD_START_BRK, layout->heap_start},
		{FIELD_ARG_START, layout->arg_start},
		{FIELD_ARG_END, layout->arg_end},
		{FIELD_ENV_START, layout->env_start},
		{FIELD_ENV_END, layout->env_end},
	};

	*out = field == FIELD_VSIZE ? m->size : own_memory_resident(m) >> PAGE_SHIFT;
	if (field == FIELD_VSIZE || field == FIELD_RSS)
		return true;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (field == values[i].field) {
			*out = values[i].value;
			return !hidden;
		}
	return false;
}

/* A name may hold anything, ')' and newlines too: it ends at the last ')'. */
static const char *behind_name(const char *text, size_t size)
{
	while (size && text[size - 1] != ')')
		size--;
	return text + size;
}

long write_stat(struct snapshot *s)
{
	char *text = s->in.buffer;
	struct own_memory m;
	const char *at, *end;
	long size;

	own_memory_take(s, &m);
	size = sys3(__NR_read, s->in.fd, (long)text, LINES_BUFFER - 1);
	if (size < 0)
		return size;
	end = text + size;
	at = behind_name(text, (size_t)size);
	output_put(&s->out, text, (size_t)(at - text));
	for (unsigned field = FIELD_STATE; at < end; field++) {
		const char *start = at++; /* at the space before it */
		uintptr_t value;

		while (at < end && *at != ' ' && *at != '\n')
			at++;
		if (field_value(s, &m, field, start[1] == '0', &value))
			output_print(&s->out, " %lu", value);
		else
			output_put(&s->out, start, (size_t)(at - start));
		if (at < end && *at == '\n')
			break;
	}
	output_put(&s->out, "\n", 1);
	return 0;
}

/* ---- limits: those that live in our books ----------------------------------------------------------------------------------------- */

enum { LIMIT_NAME_COLUMNS = 25, LIMIT_COLUMNS = 20 };

/* A number, or "unlimited", and spaces up to the next column. */
static void put_limit(struct output *out, uint64_t value)
{
	size_t column = value == UINT64_MAX ? output_print(out, "unlimited") : output_print(out, "%lu", (unsigned long)value);

	for (; column <= LIMIT_COLUMNS; column++)
		output_put(out, " ", 1);
}

long write_limits(struct snapshot *s)
{
	static const char *const names[LIMIT_COUNT] = {[LIMIT_AS] = "Max address space", [LIMIT_DATA] = "Max data size"};
	char *text;
	long size;

	while ((size = lines_next(&s->in, &text)) > 0) {
		int own = 0;

		while (own < LIMIT_COUNT && !(s->in.begins && text_after(text, names[own])))
			own++;
		if (own == LIMIT_COUNT) {
			output_put(&s->out, text, (size_t)size);
			continue;
		}
		output_put(&s->out, text, LIMIT_NAME_COLUMNS + 1);
		put_limit(&s->out, s->process->limits.of[own].soft);
		put_limit(&s->out, s->process->limits.of[own].hard);
		output_print(&s->out, "bytes     \n");
	}
	return size;
}

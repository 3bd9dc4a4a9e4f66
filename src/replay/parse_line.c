/* SPDX-License-Identifier: MIT */
/*
 * parse_line.c - one line, from left to right: prefix, name, arguments, result.
 */
#include <string.h>

#include "parse_text.h"
#include "record.h"
#include "symbols.h"

static const struct {
	const char *name;
	enum call call;
	unsigned args; /* values that a memory call needs */
} calls[] = {
	{"mmap", CALL_MMAP, 6},
	{"munmap", CALL_MUNMAP, 2},
	{"mremap", CALL_MREMAP, 4},
	{"mprotect", CALL_MPROTECT, 3},
	{"brk", CALL_BRK, 1},
	{"msync", CALL_MSYNC, 3},
	{"madvise", CALL_MADVISE, 3},
	{"mincore", CALL_MINCORE, 2},
	{"mseal", CALL_MSEAL, 3},
	{"mlock", CALL_MLOCK, 2},
	{"mlock2", CALL_MLOCK2, 3},
	{"munlock", CALL_MUNLOCK, 2},
	{"mlockall", CALL_MLOCKALL, 1},
	{"munlockall", CALL_MUNLOCKALL, 0},
	{"fork", CALL_FORK, 0},
	{"vfork", CALL_FORK, 0},
	{"clone", CALL_FORK, 0},
	{"clone3", CALL_FORK, 0},
	{"execve", CALL_EXEC, 0},
	{"execveat", CALL_EXEC, 0},
	{"exit", CALL_EXIT, 0},
	{"exit_group", CALL_EXIT_GROUP, 0},
};

enum { CALL_COUNT = sizeof(calls) / sizeof(*calls), CLONE_VM_BIT = 0x100, CLONE_VFORK_BIT = 0x4000, MMAP_FD = 4 };

const char *call_name(enum call call)
{
	for (unsigned i = 0; i < CALL_COUNT; i++)
		if (calls[i].call == call)
			return calls[i].name;
	return "other";
}

static void name_set(struct record *record, struct text name)
{
	size_t size = text_size(name) < sizeof(record->name) ? text_size(name) : sizeof(record->name) - 1;

	memcpy(record->name, name.at, size);
	record->name[size] = 0;
	for (char *c = record->name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* ---- what stands before the call ------------------------------------------------------------------------------------------ */

/* 12:34:56, 12:34:56.789012, 1700000000.123456, 0.000123: digits with a colon or a point among them. */
static bool take_time(struct text *line)
{
	struct text rest = *line;
	bool mark = false;

	text_take(&rest, "+");
	text_skip_blanks(&rest);
	for (; rest.at < rest.end && ((*rest.at >= '0' && *rest.at <= '9') || *rest.at == ':' || *rest.at == '.'); rest.at++)
		mark = mark || *rest.at < '0' || *rest.at > '9';
	if (!mark || rest.at == rest.end || *rest.at != ' ')
		return false;
	*line = rest;
	return true;
}

/* "[pid  9732]" of a log on a terminal; "[00007f8a5c4e1a9b]" of -i and "[   9]" of -n, which say nothing to us. */
static bool take_bracket(struct text *line, struct record *record)
{
	struct text rest = *line;
	uint64_t pid;

	if (!text_take(&rest, "["))
		return false;
	text_skip_blanks(&rest);
	if (text_take(&rest, "pid ")) {
		text_skip_blanks(&rest);
		if (!text_take_number(&rest, &pid) || pid > UINT32_MAX)
			return false;
		record->pid = (uint32_t)pid;
	} else {
		while (rest.at < rest.end && strchr("0123456789abcdef?", *rest.at) && *rest.at)
			rest.at++;
	}
	/* -Y: the name of the program behind the process id */
	if (text_take(&rest, "<")) {
		while (rest.at < rest.end && *rest.at != '>')
			rest.at++;
		text_take(&rest, ">");
	}
	if (!text_take(&rest, "]"))
		return false;
	*line = rest;
	return true;
}

static bool take_pid(struct text *line, struct record *record)
{
	struct text rest = *line;
	uint64_t pid;

	if (record->pid || !text_take_number(&rest, &pid) || pid > UINT32_MAX)
		return false;
	if (text_take(&rest, "<")) {
		while (rest.at < rest.end && *rest.at != '>')
			rest.at++;
		text_take(&rest, ">");
	}
	if (rest.at == rest.end || (*rest.at != ' ' && *rest.at != '\t'))
		return false;
	record->pid = (uint32_t)pid;
	*line = rest;
	return true;
}

static void take_prefix(struct text *line, struct record *record)
{
	do
		text_skip_blanks(line);
	while (take_time(line) || take_bracket(line, record) || take_pid(line, record));
}

/* ---- arguments ------------------------------------------------------------------------------------------------------------- */
static uint64_t hash(struct text text)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; text.at < text.end; text.at++)
		value = (value ^ (uint8_t)*text.at) * 0x100000001b3;
	return value;
}

/* The file of "3</etc/ld.so.cache>": its path, else the whole argument. */
static uint64_t file_of(struct text argument)
{
	const char *path = memchr(argument.at, '<', text_size(argument));

	text_skip_blanks(&argument);
	if (path)
		argument.at = path;
	return hash(argument);
}

static void take_clone_flags(struct text arguments, struct record *record)
{
	const char *flags = text_find(arguments, "flags=");
	struct text unknown;
	uint64_t value;

	if (!strcmp(record->name, "vfork"))
		record->args[0] = CLONE_VM_BIT | CLONE_VFORK_BIT;
	if (!flags)
		return;
	arguments.at = flags + strlen("flags=");
	do {
		struct text term = arguments;

		text_take_word(&arguments);
		term.end = arguments.at;
		if (text_value(term, &value, &unknown))
			record->args[0] |= value;
	} while (text_take(&arguments, "|"));
}

static void argument_set(struct record *record, unsigned i, struct text argument)
{
	struct text unknown;

	text_skip_blanks(&argument);
	if (!text_size(argument))
		return;
	record->arg_count = i + 1;
	if (record->call == CALL_MMAP && i == MMAP_FD)
		record->file = file_of(argument);
	if (!record->unknown && !text_value(argument, &record->args[i], &unknown)) {
		record->unknown = true;
		name_set(record, unknown);
	}
}

/* The arguments of a call, up to its closing bracket, which is taken; with `open` up to the end of the text. False: the line ends
 * first. */
static bool take_arguments(struct text *line, struct record *record, unsigned wanted, bool open)
{
	/* mremap has a fifth argument only when it is needed */
	unsigned most = wanted && record->call == CALL_MREMAP ? wanted + 1 : wanted;
	struct text argument;

	for (unsigned i = 0;; i++) {
		bool whole = text_take_argument(line, &argument);

		if (!whole && !open)
			return false;
		if (!whole)
			argument.end = line->end;
		if (i < most)
			argument_set(record, i, argument);
		if (!whole || text_take(line, ")"))
			return true;
		text_take(line, ",");
	}
}

/* ---- result ---------------------------------------------------------------------------------------------------------------- */

/* " = 0x7f4908d67000", " = -1 EINVAL (Invalid argument)", " = ?". False: it is cut. */
static bool take_result(struct text *line, struct record *record)
{
	struct text name, comment;
	uint64_t number;

	text_skip_blanks(line);
	if (!text_take(line, "="))
		return false;
	text_skip_blanks(line);
	if (text_take(line, "?"))
		return true;
	if (text_take(line, "-")) {
		if (!text_take_number(line, &record->result))
			return false;
		text_skip_blanks(line);
		name = text_take_word(line);
		record->error = error_find(name.at, text_size(name));
		record->has_result = record->error;
		return text_size(name);
	}
	record->has_result = text_take_number(line, &record->result);
	text_skip_blanks(line);
	/* = 5, followed by a comment, 1234 in strace's PID NS */
	comment = *line;
	if (text_take(&comment, "/* ") && text_take_number(&comment, &number) && text_take(&comment, " in strace"))
		record->result = number;
	return record->has_result;
}

/* ---- lines ----------------------------------------------------------------------------------------------------------------- */
static unsigned call_set(struct record *record, struct text name)
{
	name_set(record, name);
	record->call = CALL_OTHER;
	for (unsigned i = 0; i < CALL_COUNT; i++) {
		if (strcmp(calls[i].name, record->name) == 0) {
			record->call = calls[i].call;
			return calls[i].args;
		}
	}
	return 0;
}

/* "<... mmap resumed>) = 0x7f…", with more arguments before the bracket for some calls. */
static void parse_resumed(struct text line, struct record *record)
{
	struct text name;

	text_skip_blanks(&line);
	name = text_take_word(&line);
	if (!text_size(name) || !text_take(&line, " resumed>")) {
		record->kind = text_size(line) ? RECORD_OTHER : RECORD_CUT;
		return;
	}
	call_set(record, name);
	record->kind = RECORD_RESUMED;
	if (!take_arguments(&line, record, 0, false) || !take_result(&line, record))
		record->kind = RECORD_CUT;
}

/* Take the mark of an unfinished call, and the comma before it, from the end. */
static bool take_unfinished(struct text *line)
{
	static const char mark[] = "<unfinished ...>";
	const size_t size = sizeof(mark) - 1;

	while (line->end > line->at && (line->end[-1] == ' ' || line->end[-1] == '\r'))
		line->end--;
	if (text_size(*line) < size || memcmp(line->end - size, mark, size) != 0)
		return false;
	line->end -= size;
	while (line->end > line->at && (line->end[-1] == ' ' || line->end[-1] == ','))
		line->end--;
	return true;
}

static void parse_call(struct text line, struct record *record)
{
	struct text name = text_take_word(&line);
	bool unfinished;
	unsigned wanted;

	record->kind = RECORD_OTHER;
	if (!text_size(name) || (*name.at >= '0' && *name.at <= '9'))
		return;
	if (!text_take(&line, "(")) {
		if (!text_size(line))
			record->kind = RECORD_CUT;
		return;
	}
	wanted = call_set(record, name);
	if (record->call == CALL_FORK)
		take_clone_flags(line, record);
	unfinished = take_unfinished(&line);
	record->kind = unfinished ? RECORD_UNFINISHED : RECORD_CALL;
	if (!take_arguments(&line, record, wanted, unfinished) || (!unfinished && !take_result(&line, record)))
		record->kind = RECORD_CUT;
	else if (record->call <= CALL_MEMORY_LAST && record->arg_count < wanted && !record->unknown)
		record->kind = RECORD_CUT;
}

void record_parse(struct record *record, const char *line, size_t size)
{
	struct text text = {line, line + size};

	memset(record, 0, sizeof(*record));
	take_prefix(&text, record);
	if (!text_size(text))
		record->kind = record->pid ? RECORD_CUT : RECORD_EMPTY;
	else if (text_take(&text, "--- "))
		record->kind = RECORD_SIGNAL;
	else if (text_take(&text, "+++ "))
		record->kind = RECORD_EXIT;
	else if (text_take(&text, "<... "))
		parse_resumed(text, record);
	else
		parse_call(text, record);
}

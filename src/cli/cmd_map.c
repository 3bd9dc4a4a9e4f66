/* SPDX-License-Identifier: MIT */
/*
 * cmd_map.c - `tulou map [PID]`: ask running instances (supervisor/control.c) for their picture.
 */
#include <asm-generic/errno.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "base/mem.h"
#include "cli/command.h"
#include "host/linux/syscall.h"
#include "runtime/message.h"
#include "runtime/text.h"

enum { AF_UNIX_FAMILY = 1, STREAM = 1, NAME_MAX = 64, INSTANCES_MAX = 256, CHUNK = 16384 };
/* An instance listens when its programs have run for 20 ms (supervisor.c). */
enum { LOOKS = 10, LOOK_AGAIN_NS = 10000000 };

static const char help[] = "Usage: tulou map [PID]\n\n"
			   "Show the pool of a running instance: chunks, their owners, what is free. PID is a guest's or the\n"
			   "supervisor's (`tulou run`'s own); without it, all instances of this user are shown.\n";

struct unix_address {
	unsigned short family;
	char name[108];
};

/* Connect to "@tulou/PID" and send the request. The descriptor, or a negative errno. */
static long ask(unsigned long instance, const char *request)
{
	struct unix_address address = {.family = AF_UNIX_FAMILY};
	size_t length = format(address.name + 1, sizeof address.name - 1, "tulou/%lu", instance);
	long fd = sys3(__NR_socket, AF_UNIX_FAMILY, STREAM, 0), result;

	if (fd < 0)
		return fd;
	result = sys3(__NR_connect, fd, (long)&address, (long)(sizeof address.family + 1 + length));
	if (!result)
		result = write_all((int)fd, request, text_length(request));
	if (result < 0) {
		sys1(__NR_close, fd);
		return result;
	}
	return fd;
}

static long show(unsigned long instance)
{
	char text[CHUNK];
	long fd = ask(instance, "map\n"), have, all = 0;

	if (fd < 0)
		return fd;
	while ((have = sys3(__NR_read, fd, (long)text, sizeof text)) > 0) {
		all += have;
		write_all(STDOUT, text, (size_t)have);
	}
	sys1(__NR_close, fd);
	return all ? 0 : -EACCES;
}

static int has(unsigned long instance, unsigned long pid)
{
	char text[NAME_MAX];
	long fd, have;

	format(text, sizeof text, "has %lu\n", pid);
	fd = ask(instance, text);
	if (fd < 0)
		return 0;
	have = sys3(__NR_read, fd, (long)text, sizeof text);
	sys1(__NR_close, fd);
	return have > 0 && text[0] == 'y';
}

/* Pids of the supervisors, from the names in /proc/net/unix. */
static unsigned find_instances(unsigned long *instances)
{
	static const char mark[] = "@tulou/";
	char text[CHUNK];
	unsigned count = 0;
	size_t matched = 0;
	unsigned long number = 0;
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/net/unix", O_RDONLY, 0), have;

	if (fd < 0)
		return 0;
	while ((have = sys3(__NR_read, fd, (long)text, sizeof text)) > 0)
		for (long i = 0; i < have; i++) {
			if (matched == sizeof mark - 1) {
				if (text[i] >= '0' && text[i] <= '9') {
					number = number * 10 + (unsigned long)(text[i] - '0');
					continue;
				}
				if (number && count < INSTANCES_MAX && (!count || instances[count - 1] != number))
					instances[count++] = number;
				matched = 0;
			}
			matched = text[i] == mark[matched] ? matched + 1 : text[i] == mark[0];
			number = 0;
		}
	sys1(__NR_close, fd);
	return count;
}

/* 0 when one let us look; else -ESRCH (there is none), or a negative errno. */
static long show_all(void)
{
	unsigned long instances[INSTANCES_MAX];
	unsigned count = find_instances(instances);
	long result = -ESRCH, error;

	for (unsigned i = 0; i < count; i++) {
		error = show(instances[i]);
		result = result ? error : 0;
	}
	return result;
}

/* The instance that has the process: 0, -ESRCH (none has it), or a negative errno. */
static long show_of(unsigned long pid)
{
	unsigned long instances[INSTANCES_MAX];
	unsigned count = find_instances(instances);

	for (unsigned i = 0; i < count; i++)
		if (has(instances[i], pid))
			return show(instances[i]);
	return -ESRCH;
}

static bool lives(unsigned long pid)
{
	return sys2(__NR_kill, (int)pid, 0) != -ESRCH;
}

int cmd_map(int argc, char **argv, char **envp)
{
	const long pause[2] = {0, LOOK_AGAIN_NS};
	bool all = argc < 2;
	unsigned long pid = 0;
	int looks = LOOKS;
	long result;
	(void)envp;

	if (argc > 1 && (text_equal(argv[1], "--help") || text_equal(argv[1], "-h"))) {
		print(help);
		return print_status();
	}
	if (argc > 2) {
		message("map: one PID at most; `tulou map --help` says more");
		return STATUS_TULOU;
	}
	if (argc > 1 && !text_parse(argv[1], 0x7fffffff, &pid)) {
		message("map: %s '%s'; `tulou map --help` says more",
			argv[1][0] == '-' ? "unknown option" : "not a pid:", argv[1]);
		return STATUS_TULOU;
	}
	while ((result = all ? show_all() : show_of(pid)) == -ESRCH && --looks && (all || lives(pid)))
		sys2(__NR_nanosleep, (long)pause, 0);
	if (!result)
		return 0;
	if (all)
		message("map: no running instance%s", result == -ESRCH ? "" : " that lets this user look");
	else if (result == -ESRCH)
		message("map: process %lu is in no running instance", pid);
	else
		message("map: the instance of process %lu does not let this user look", pid);
	return 1;
}

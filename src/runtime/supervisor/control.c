/* SPDX-License-Identifier: MIT */
/*
 * control.c - how the outside looks in: an abstract socket named after the supervisor's pid, found in /proc/net/unix.
 *
 *     tulou map ──"map\n"──▶ @tulou/PID ──▶ the chart and the processes, as text, until end of file
 *                "check\n"                   "sound; …", or the rule that is broken
 *                "has N\n"                  "yes\n" when N is a guest (or the supervisor itself), "no\n" otherwise
 *
 * Only the instance's own user and root are answered (SO_PEERCRED). The text is made first and sent then, so that nobody slow keeps
 * the pool locked; a peer that does not read is dropped after a second.
 */
#include <asm-generic/errno.h>
#include <asm-generic/socket.h>
#include <tulou/inspect.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/message.h"
#include "runtime/supervisor/internal.h"
#include "runtime/text.h"

enum { AF_UNIX_FAMILY = 1, STREAM = 1, CLOEXEC = 02000000, BACKLOG = 16, REQUEST_MAX = 64, STDERR = 2, NO_SIGNAL = 0x4000 };

struct unix_address {
	uint16_t family;
	char name[108];
};

/* ---- text in memory ----------------------------------------------------------------------------------------------------------- */

struct text_buffer {
	char *start;
	size_t size, capacity;
};

enum { BUFFER_FIRST = 65536 };

static void buffer_put(void *arg, const char *text, size_t size)
{
	struct text_buffer *buffer = arg;

	while (buffer->capacity - buffer->size < size) {
		size_t capacity = buffer->capacity ? buffer->capacity * 2 : BUFFER_FIRST;
		long at = buffer->capacity ? sys4(__NR_mremap, (long)buffer->start, (long)buffer->capacity, (long)capacity, 1)
					   : sys6(__NR_mmap, 0, (long)capacity, 3, 0x22, -1, 0);
		if (at < 0)
			return;
		buffer->start = (char *)at;
		buffer->capacity = capacity;
	}
	memcpy(buffer->start + buffer->size, text, size);
	buffer->size += size;
}

static void buffer_fini(struct text_buffer *buffer)
{
	if (buffer->capacity)
		sys2(__NR_munmap, (long)buffer->start, (long)buffer->capacity);
}

static void put_processes(struct text_buffer *buffer)
{
	char line[PROCESS_PATH + 32];

	buffer_put(buffer, "Processes\n", 10);
	for (unsigned slot = 0; slot < process_slots(); slot++) {
		const struct process *process = process_at(slot);
		if (process_state(process) != PROCESS_LIVE || !process->vm)
			continue;
		buffer_put(buffer, line, format(line, sizeof line, "  %7d  %s\n", process->pid, process->exe));
	}
}

static void put_map(struct text_buffer *buffer)
{
	tulou_chart(runtime.pool, buffer_put, buffer);
	put_processes(buffer);
}

void control_print_map(void)
{
	struct text_buffer buffer = {0};

	put_map(&buffer);
	write_all(STDERR, buffer.start, buffer.size);
	buffer_fini(&buffer);
}

/* ---- the socket --------------------------------------------------------------------------------------------------------------- */

int control_open(void)
{
	struct unix_address address = {.family = AF_UNIX_FAMILY};
	size_t length = format(address.name + 1, sizeof address.name - 1, "tulou/%ld", sys0(__NR_getpid));
	int fd = (int)sys3(__NR_socket, AF_UNIX_FAMILY, STREAM | CLOEXEC, 0);
	long result;

	if (fd < 0)
		return fd;
	result = sys3(__NR_bind, fd, (long)&address, (long)(sizeof address.family + 1 + length));
	if (!result)
		result = sys2(__NR_listen, fd, BACKLOG);
	if (result < 0) {
		sys1(__NR_close, fd);
		return (int)result;
	}
	return fd;
}

static bool peer_is_ours(int fd)
{
	struct {
		int pid;
		uint32_t uid, gid;
	} peer = {0};
	uint32_t size = sizeof peer;

	if (sys5(__NR_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == (uint32_t)sys0(__NR_geteuid);
}

static void put_check(struct text_buffer *buffer)
{
	char what[200], line[300];
	struct tulou_stats stats;

	tulou_stats(runtime.pool, &stats);
	if (!tulou_check(runtime.pool, what, sizeof what))
		buffer_put(buffer, line,
			format(line, sizeof line, "sound; %zu processes died inside a call, %zu changes were taken back\n",
				stats.torn_count, stats.rollback_count));
	else
		buffer_put(buffer, line, format(line, sizeof line, "%s\n", what));
}

static bool is_guest(const char *text)
{
	unsigned long pid;

	if (!text_parse(text, INT32_MAX, &pid))
		return false;
	for (unsigned slot = 0; slot < process_slots(); slot++)
		if (process_state(process_at(slot)) == PROCESS_LIVE && (unsigned long)process_at(slot)->pid == pid)
			return true;
	return (unsigned long)sys0(__NR_getpid) == pid;
}

/* The request: one line, in one read (a peer sends it at once). */
static long request_read(int fd, char *request)
{
	long have = sys3(__NR_read, fd, (long)request, REQUEST_MAX - 1);

	if (have <= 0)
		return -EPIPE;
	request[have] = 0;
	for (long i = 0; i < have; i++)
		if (request[i] == '\n')
			request[i] = 0;
	return 0;
}

static void send_all(int fd, const char *text, size_t size)
{
	while (size) {
		long sent = sys6(__NR_sendto, fd, (long)text, (long)size, NO_SIGNAL, 0, 0);
		if (sent <= 0)
			return;
		text += sent;
		size -= (size_t)sent;
	}
}

void control_accept(void)
{
	const struct {
		long seconds, microseconds;
	} patience = {1, 0};
	struct text_buffer answer = {0};
	char request[REQUEST_MAX];
	const char *rest;
	int fd = (int)sys4(__NR_accept4, supervisor.control, 0, 0, CLOEXEC);

	if (fd < 0)
		return;
	sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&patience, sizeof patience);
	sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, (long)&patience, sizeof patience);
	if (peer_is_ours(fd) && request_read(fd, request) == 0) {
		if (text_equal(request, "map"))
			put_map(&answer);
		else if (text_equal(request, "check"))
			put_check(&answer);
		else if ((rest = text_after(request, "has ")))
			buffer_put(&answer, is_guest(rest) ? "yes\n" : "no\n", is_guest(rest) ? 4 : 3);
		send_all(fd, answer.start, answer.size);
	}
	buffer_fini(&answer);
	sys1(__NR_close, fd);
}

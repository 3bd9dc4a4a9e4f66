/* SPDX-License-Identifier: MIT */
/*
 * run_mmap.c - mmap. Where it says MAP_FIXED and the range is in one piece here, that piece is meant; where it is not, what is
 * mapped of it is taken away and the area goes beside its neighbour, if there is room.
 */
#include "replay.h"

enum { FIXED = TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE };

struct mmap {
	uint64_t addr, size, offset;
	int prot, flags, fd;
};

static bool depends_on_file(int error)
{
	switch (error) {
	case TULOU_EACCES:
	case TULOU_EBADF:
	case TULOU_ENODEV:
	case TULOU_EPERM:
	case TULOU_ENFILE:
	case TULOU_ETXTBSY:
	case TULOU_EAGAIN:
		return true;
	default:
		return false;
	}
}

static long mmap_call(struct replay *replay, struct memory *memory, const struct mmap *m)
{
	uint64_t began = stats_now();
	long result = tulou_mmap(memory->vm, m->addr, m->size, m->prot, m->flags, m->fd, m->offset);

	stats_call(&replay->stats, CALL_MMAP, began, result);
	return result;
}

static struct answer mmap_succeed(struct replay *replay, struct memory *memory, const struct record *record, struct mmap *m)
{
	uint64_t start = record->result, end = start + page_ceil(m->size), to;
	bool exact = false;
	struct answer answer = {0};

	if (m->flags & FIXED && range_map_whole(&memory->map, start, end, &to)) {
		exact = true;
		m->addr = to;
	} else {
		bool mapped;
		struct piece piece = range_map_next(&memory->map, start, end, &mapped);

		if (!(m->flags & FIXED) && (mapped || piece.end != end))
			replay->stats.stale++;
		take_away(replay, memory, start, end);
		if (m->flags & FIXED)
			replay->stats.apart++;
		if (m->flags & FIXED || m->addr)
			m->addr = place_beside(replay, memory, start);
		m->flags &= ~FIXED;
	}
	answer.ours = mmap_call(replay, memory, m);
	if (answer.ours < 0) {
		if (m->flags & TULOU_MAP_32BIT)
			answer.excuse = EXCUSE_PLACEMENT;
		assume(replay, memory, start, end, true);
		return answer;
	}
	range_map_add(&memory->map, start, end, (uint64_t)answer.ours);
	if (answer.ours % (long)PAGE || (exact && (uint64_t)answer.ours != to))
		answer.wrong = "the address is not the one that was asked for";
	else if (replay->verify && !tulou_access_ok(memory->vm, (uintptr_t)answer.ours, m->size, m->prot & 7))
		answer.wrong = "the range does not have the protection";
	return answer;
}

static struct answer mmap_fail(struct replay *replay, struct memory *memory, const struct record *record, struct mmap *m)
{
	uint64_t start = m->addr, end = start + page_ceil(m->size);
	struct answer answer = {0};
	bool mapped = false; /* what stands there stays in the map */

	if (m->flags & FIXED) {
		if (record->error == TULOU_EEXIST && start < USER_END) {
			struct piece piece = range_map_next(&memory->map, start, end, &mapped);

			if (mapped || piece.end == end)
				assume(replay, memory, start, start + PAGE, false);
			else
				start = piece.end;
			m->addr = place_of(replay, memory, start);
		} else {
			m->addr = place_of_range(replay, memory, start, page_ceil(m->size));
		}
		mapped = m->addr - m->addr % PAGE != replay->hole;
	}
	answer.ours = mmap_call(replay, memory, m);
	if (answer.ours >= 0 && !mapped)
		tulou_munmap(memory->vm, (uintptr_t)answer.ours, m->size);
	if (record->error == TULOU_ENOMEM)
		answer.excuse = EXCUSE_MACHINE;
	return answer;
}

struct answer run_mmap(struct replay *replay, struct memory *memory, const struct record *record)
{
	struct mmap m = {
		.addr = record->args[0],
		.size = record->args[1],
		.prot = (int)record->args[2],
		.flags = (int)record->args[3] & ~replay->place->drop_flags,
		.fd = (int)record->args[4],
		.offset = record->args[5],
	};
	uint64_t reach = m.offset + m.size;

	if (!(m.flags & TULOU_MAP_ANONYMOUS) && m.fd >= 0) {
		if (depends_on_file(record->error))
			return (struct answer){
				.skipped = true, .skip_name = "mmap", .skip_why = "the answer depends on the file"};
		m.fd = place_file(replay->place, record->file, reach < m.offset ? 0 : page_ceil(reach));
		if (m.fd < 0)
			return (struct answer){.skipped = true, .skip_name = "mmap", .skip_why = "no file can be made for it"};
	} else if (record->error == TULOU_EAGAIN || record->error == TULOU_EPERM) {
		return (struct answer){
			.skipped = true, .skip_name = "mmap", .skip_why = "the answer depends on the machine's limits"};
	}
	if (!record->error &&
		(!m.size || record->result % PAGE || record->result >= USER_END || m.size > USER_END - record->result))
		return (struct answer){.skipped = true, .skip_name = "mmap", .skip_why = "an answer that mmap does not give"};
	return record->error ? mmap_fail(replay, memory, record, &m) : mmap_succeed(replay, memory, record, &m);
}

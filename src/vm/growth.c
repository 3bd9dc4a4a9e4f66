/* SPDX-License-Identifier: MIT */
/* growth.c - see growth.h. */
#include "growth.h"
#include "placement.h"

/* A part of the pool, so that small pools are not all room; what Linux leaves below a stack at least, if there is so much. */
enum { ROOM_POOL_PART = 4096 };
#define ROOM_LEAST (2ul << 20)
#define ROOM_MOST  (128ul << 20)

static struct area_content content_of(enum tulou_area_kind kind)
{
	return (struct area_content){.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE, .kind = kind};
}

static size_t room_wanted(const struct tulou *pool)
{
	size_t room = align_down(range_size(pool->range) / ROOM_POOL_PART, PAGE_SIZE);

	return room < ROOM_LEAST ? ROOM_LEAST : room > ROOM_MOST ? ROOM_MOST : room;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------- */

/* The process's area that `addr` lies in. */
static bool area_at(struct tulou_process_vm *vm, uintptr_t addr, struct area *out)
{
	return process_vm_area_above(vm, addr, out) && out->range.start <= addr;
}

static bool is_own(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area area;

	return area_at(vm, addr, &area);
}

static bool grows(const struct area *area)
{
	return area->content.flags & TULOU_MAP_GROWSDOWN;
}

bool growth_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out)
{
	while (process_vm_area_above(vm, addr, out)) {
		if (!area_is_room(out))
			return true;
		addr = out->range.end;
	}
	return false;
}

size_t growth_room_in(struct tulou_process_vm *vm, struct range range)
{
	struct area area;
	size_t size = 0;

	for (; process_vm_area_above(vm, range.start, &area) && area.range.start < range.end; range.start = area.range.end)
		if (area_is_room(&area))
			size += range_size(range_cut(area.range, range));
	return size;
}

/* What touches below a mapping that grows, or might: rooms (of several chunks, perhaps) and barriers. */
struct chain {
	struct range range; /* empty: there is none */
	bool grows; /* something grows into it: */
	struct area above;
};

/* The chain that `addr` lies in. */
static struct chain chain_at(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct chain chain = {.range = {addr, addr}};
	struct area area;
	bool touched;

	while ((touched = area_at(vm, chain.range.end, &chain.above)) && area_is_room(&chain.above))
		chain.range.end = chain.above.range.end;
	chain.grows = touched && grows(&chain.above);
	for (uintptr_t at = addr; area_at(vm, at, &area) && area_is_room(&area) && at; at = area.range.start - 1)
		chain.range.start = area.range.start;
	return chain;
}

/* Where to begin, so that a chain right below `addr` or below the area around it is seen. */
static uintptr_t look_from(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area area;

	if (area_at(vm, addr, &area))
		addr = area.range.start;
	return addr ? chain_at(vm, addr - 1).range.start : 0;
}

static void note(struct tulou_process_vm *vm, struct range range)
{
	vm->growth.start = range.start < vm->growth.start ? range.start : vm->growth.start;
	vm->growth.end = range.end > vm->growth.end ? range.end : vm->growth.end;
}

/* ---- learning ------------------------------------------------------------------------------------------------------------ */

static int chain_learn(struct tulou_process_vm *vm, const struct chain *chain)
{
	const struct tulou_host *host = vm->pool->host;
	uintptr_t low = chain->range.start, end = chain->range.end, start;
	struct area lowest;

	if (area_at(vm, low, &lowest) && lowest.content.kind == TULOU_AREA_BARRIER)
		low = lowest.range.end;
	start = low == end ? end : host->grown(host->ctx, end, low);
	if (start == end)
		return 0;
	if (!process_vm_reserve(vm))
		return -TULOU_ENOMEM;
	process_vm_replace(vm, range_between(start, end), chain->above.content);
	return 0;
}

int growth_learn_slow(struct tulou_process_vm *vm, struct range range)
{
	int error = nooks_recall(vm, vm->pool->range);
	uintptr_t at = look_from(vm, range.start);
	struct area area;

	while (!error && process_vm_area_above(vm, at, &area) && area.range.start < range.end) {
		struct chain chain;

		at = area.range.end;
		if (!area_is_room(&area))
			continue;
		chain = chain_at(vm, area.range.start);
		at = chain.range.end;
		if (chain.grows)
			error = chain_learn(vm, &chain);
	}
	return error;
}

/* ---- booking ------------------------------------------------------------------------------------------------------------- */

/* At most `most` bytes below `start`, or up to an own area that lies just beyond: the host keeps its gap above that, but knows none
 * above a barrier. */
static bool book_below(struct tulou_process_vm *vm, uintptr_t start, size_t most)
{
	struct range pool = vm->pool->range, room = {pool.start, start};
	struct area area;

	if (range_size(room) > most + STACK_GAP)
		room.start = start - most - STACK_GAP;
	while (room.start < start && process_vm_area_above(vm, room.start, &area) && area.range.start < start)
		room.start = size_min(area.range.end, start); /* what begins at `start` may not have taken its place yet */
	if (range_size(room) > most && !is_own(vm, room.start - 1))
		room.start = start - most;
	note(vm, room);
	for (size_t size = range_size(room); size; size = align_down(size / 2, PAGE_SIZE)) {
		room.start = start - size;
		if (!process_vm_reserve(vm))
			return false;
		if (!place_fixed(vm, room, content_of(TULOU_AREA_ROOM)))
			return true;
	}
	return is_own(vm, start - 1);
}

bool growth_book(struct tulou_process_vm *vm, struct range range)
{
	note(vm, range);
	return vm->pool->host->grown && book_below(vm, range.start, room_wanted(vm->pool));
}

void growth_make_room(struct tulou_process_vm *vm, struct range range)
{
	note(vm, range);
	process_vm_replace(vm, range, content_of(TULOU_AREA_ROOM));
}

int growth_place_slow(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	size_t room = align_up(room_wanted(vm->pool), align), whole;
	struct range below;

	if (!vm->pool->host->grown || __builtin_add_overflow(size, room, &whole) ||
		place_anywhere(vm, whole, align, window, content, out))
		return place_anywhere(vm, size, align, window, content, out);
	below = range_between(*out, *out + room);
	growth_make_room(vm, below);
	*out = below.end;
	return 0;
}

void growth_remove(struct tulou_process_vm *vm, struct range range)
{
	struct area above;

	if (!growth_concerns(vm, range) || !area_at(vm, range.end, &above) ||
		(!grows(&above) && above.content.kind != TULOU_AREA_ROOM)) {
		process_vm_remove(vm, range);
		return;
	}
	growth_make_room(vm, range);
}

/* ---- settling ------------------------------------------------------------------------------------------------------------ */

static void barrier_set(struct tulou_process_vm *vm, struct range page)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content = content_of(TULOU_AREA_BARRIER);
	struct tulou_mapping mapping = {.start = page.start, .size = PAGE_SIZE, .flags = content.flags};

	if (process_vm_reserve(vm) && !host->map(host->ctx, &mapping))
		process_vm_replace(vm, page, content);
}

static bool barrier_lift(struct tulou_process_vm *vm, struct range page)
{
	const struct tulou_host *host = vm->pool->host;

	if (!process_vm_reserve(vm) || host->unmap(host->ctx, page.start, PAGE_SIZE))
		return false;
	process_vm_replace(vm, page, content_of(TULOU_AREA_ROOM));
	return true;
}

void growth_give_way(struct tulou_process_vm *vm, struct range range)
{
	struct area area;

	for (uintptr_t at = range.start; process_vm_area_above(vm, at, &area) && area.range.start < range.end;
		at = area.range.end) {
		if (area.content.kind == TULOU_AREA_BARRIER)
			barrier_lift(vm, area.range);
		process_vm_area_above(vm, at, &area);
		if (area.content.kind == TULOU_AREA_ROOM && process_vm_reserve(vm))
			process_vm_remove(vm, range_cut(area.range, range));
	}
	process_vm_reserve(vm); /* if not, there is no place either */
}

/* What had stopped it from below may be gone. However much it has grown, nobody is placed in the gap that Linux keeps below it. */
static void chain_extend(struct tulou_process_vm *vm, struct chain *chain)
{
	size_t have = chain->above.range.end - chain->range.start, wanted = room_wanted(vm->pool);
	size_t gap = chain->above.range.start - chain->range.start;

	if ((have >= wanted && gap >= STACK_GAP) || is_own(vm, chain->range.start - 1))
		return;
	book_below(vm, chain->range.start, size_max(wanted > have ? wanted - have : 0, STACK_GAP > gap ? STACK_GAP - gap : 0));
	*chain = chain_at(vm, chain->range.start);
}

/* One barrier, in the lowest page, or none where an own area lies below. What is one too many is lifted first: two that touch would
 * be one area. */
static void chain_settle(struct tulou_process_vm *vm, struct range chain)
{
	bool wanted = !is_own(vm, chain.start - 1);
	struct area area;

	for (uintptr_t at = chain.start; at < chain.end && area_at(vm, at, &area); at = area.range.end) {
		if (area.content.kind == TULOU_AREA_BARRIER && (!wanted || at > chain.start))
			wanted = barrier_lift(vm, area.range) && wanted;
		area_at(vm, at, &area);
	}
	if (wanted && area_at(vm, chain.start, &area) && area.content.kind == TULOU_AREA_ROOM)
		barrier_set(vm, range_between(chain.start, chain.start + PAGE_SIZE));
}

/* Nothing grows into it any more. What grew until now, unseen, goes too. */
static void chain_drop(struct tulou_process_vm *vm, struct range chain)
{
	const struct tulou_host *host = vm->pool->host;

	if (host->unmap(host->ctx, chain.start, range_size(chain)))
		limbo_take(vm, chain);
	else
		process_vm_remove(vm, chain);
}

void growth_settle_slow(struct tulou_process_vm *vm, struct range range)
{
	uintptr_t at = look_from(vm, range.start);
	struct area area;

	while (process_vm_area_above(vm, at, &area) && area.range.start <= range.end) {
		struct chain chain;

		at = area.range.end;
		if (!area_is_room(&area) && !grows(&area))
			continue;
		if (grows(&area) && !is_own(vm, area.range.start - 1) && !growth_book(vm, area.range))
			continue;
		chain = chain_at(vm, grows(&area) ? area.range.start - 1 : area.range.start);
		if (range_is_empty(chain.range))
			continue;
		if (chain.grows)
			chain_extend(vm, &chain);
		at = chain.range.end > at ? chain.range.end : at;
		if (chain.grows)
			chain_settle(vm, chain.range);
		else
			chain_drop(vm, chain.range);
	}
}

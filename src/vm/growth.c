/* SPDX-License-Identifier: MIT */
/* growth.c - see growth.h. A chain is what touches below a mapping that grows: rooms of several chunks, and barriers. */
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

/* The process's area that `addr` lies in, or NULL. */
static struct area *area_at(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area *area = process_vm_area_above(vm, addr);

	return area && area->range.start <= addr ? area : NULL;
}

static bool grows(const struct area *area)
{
	return area && (area->content.flags & TULOU_MAP_GROWSDOWN);
}

struct area *growth_area_above(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area *area = process_vm_area_above(vm, addr);

	while (area && area_is_room(area))
		area = process_vm_area_above(vm, area->range.end);
	return area;
}

size_t growth_room_in(struct tulou_process_vm *vm, struct range range)
{
	struct area *area;
	size_t size = 0;

	while ((area = process_vm_area_above(vm, range.start)) && area->range.start < range.end) {
		if (area_is_room(area))
			size += range_size(range_cut(area->range, range));
		range.start = area->range.end;
	}
	return size;
}

/* The chain around `addr`, and the area that touches it from above, or NULL. Empty: `addr` is not in a chain. */
static struct range chain_at(struct tulou_process_vm *vm, uintptr_t addr, struct area **above)
{
	struct area *area = area_at(vm, addr);
	struct range chain = {addr, addr};

	for (*above = area; *above && area_is_room(*above); *above = area_at(vm, chain.end))
		chain.end = (*above)->range.end;
	for (; area && area_is_room(area); area = chain.start ? area_at(vm, chain.start - 1) : NULL)
		chain.start = area->range.start;
	return chain;
}

/* Where to begin, so that a chain right below `addr` or below the area around it is seen. */
static uintptr_t look_from(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area *area = area_at(vm, addr), *above;
	uintptr_t start = area ? area->range.start : addr;

	return start ? chain_at(vm, start - 1, &above).start : 0;
}

static void note(struct tulou_process_vm *vm, struct range range)
{
	vm->growth.start = range.start < vm->growth.start ? range.start : vm->growth.start;
	vm->growth.end = range.end > vm->growth.end ? range.end : vm->growth.end;
}

/* ---- learning ------------------------------------------------------------------------------------------------------------ */

static int chain_learn(struct tulou_process_vm *vm, struct range chain, const struct area *above)
{
	const struct tulou_host *host = vm->pool->host;
	struct area *lowest = area_at(vm, chain.start);
	uintptr_t start;

	if (lowest->content.kind == TULOU_AREA_BARRIER)
		chain.start = lowest->range.end;
	start = range_is_empty(chain) ? chain.end : host->grown(host->ctx, chain.end, chain.start);
	if (start == chain.end)
		return 0;
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL))
		return -TULOU_ENOMEM;
	process_vm_replace(vm, range_between(start, chain.end), above->content);
	return 0;
}

int growth_learn_slow(struct tulou_process_vm *vm, struct range range)
{
	uintptr_t at = look_from(vm, range.start);
	struct area *area;
	int error = 0;

	while (!error && (area = process_vm_area_above(vm, at)) && area->range.start < range.end) {
		struct area *above;
		struct range chain = chain_at(vm, area->range.start, &above);

		at = range_is_empty(chain) ? area->range.end : chain.end;
		if (!range_is_empty(chain) && grows(above))
			error = chain_learn(vm, chain, above);
	}
	return error;
}

/* ---- booking ------------------------------------------------------------------------------------------------------------- */

/* At most `most` bytes below `start`. */
static bool book_below(struct tulou_process_vm *vm, uintptr_t start, size_t most)
{
	struct range pool = vm->pool->range, room = {pool.start, start};
	struct area *area;

	if (range_size(room) > most)
		room.start = start - most;
	while ((area = process_vm_area_above(vm, room.start)) && area->range.start < start)
		room.start = area->range.end;
	note(vm, room);
	for (size_t size = range_size(room); size && room.start > pool.start; size = align_down(size / 2, PAGE_SIZE)) {
		room.start = start - size;
		if (!stock_reserve(&vm->stock, RECORDS_PER_CALL))
			return false;
		if (!place_fixed(vm, room, content_of(TULOU_AREA_ROOM)))
			return true;
	}
	return area_at(vm, start - 1) != NULL;
}

bool growth_book(struct tulou_process_vm *vm, uintptr_t start)
{
	return vm->pool->host->grown && book_below(vm, start, room_wanted(vm->pool));
}

int growth_place(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out)
{
	size_t room = align_up(room_wanted(vm->pool), align), whole;
	struct range below;

	if (!(content.flags & TULOU_MAP_GROWSDOWN) || !vm->pool->host->grown || __builtin_add_overflow(size, room, &whole) ||
		place_anywhere(vm, whole, align, window, content, out))
		return place_anywhere(vm, size, align, window, content, out);
	below = range_between(*out, *out + room);
	process_vm_replace(vm, below, content_of(TULOU_AREA_ROOM));
	note(vm, below);
	*out = below.end;
	return 0;
}

void growth_remove(struct tulou_process_vm *vm, struct range range)
{
	struct area *above = growth_concerns(vm, range) ? area_at(vm, range.end) : NULL;

	if (!above || (!grows(above) && above->content.kind != TULOU_AREA_ROOM)) {
		process_vm_remove(vm, range, false);
		return;
	}
	process_vm_replace(vm, range, content_of(TULOU_AREA_ROOM));
	note(vm, range);
}

/* ---- settling ------------------------------------------------------------------------------------------------------------ */

static void barrier_set(struct tulou_process_vm *vm, struct range page)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content = content_of(TULOU_AREA_BARRIER);
	struct tulou_mapping mapping = {.start = page.start, .size = PAGE_SIZE, .flags = content.flags};

	if (stock_reserve(&vm->stock, RECORDS_PER_CALL) && !host->map(host->ctx, &mapping))
		process_vm_replace(vm, page, content);
}

static void barrier_lift(struct tulou_process_vm *vm, struct range page)
{
	const struct tulou_host *host = vm->pool->host;

	if (stock_reserve(&vm->stock, RECORDS_PER_CALL) && !host->unmap(host->ctx, page.start, PAGE_SIZE))
		process_vm_replace(vm, page, content_of(TULOU_AREA_ROOM));
}

/* What had stopped it from below may be gone. */
static struct range chain_extend(struct tulou_process_vm *vm, struct range chain, struct area *above)
{
	size_t have = above->range.end - chain.start, wanted = room_wanted(vm->pool);

	if (have >= wanted || area_at(vm, chain.start - 1))
		return chain;
	book_below(vm, chain.start, wanted - have);
	return chain_at(vm, chain.start, &above);
}

/* One barrier, in the lowest page, or none where an own area lies below. */
static void chain_settle(struct tulou_process_vm *vm, struct range chain)
{
	struct range lowest = {chain.start, chain.start + PAGE_SIZE};
	bool wanted = !area_at(vm, chain.start - 1);
	struct area *area;

	for (uintptr_t at = chain.start; at < chain.end && (area = area_at(vm, at)); at = area->range.end) {
		bool barrier = area->content.kind == TULOU_AREA_BARRIER;

		if (barrier && (!wanted || at > chain.start))
			barrier_lift(vm, range_between(at, at + PAGE_SIZE));
		else if (!barrier && wanted && at == chain.start)
			barrier_set(vm, lowest);
		area = area_at(vm, at);
	}
}

/* Nothing grows into it any more. What grew until now, unseen, goes too. */
static void chain_drop(struct tulou_process_vm *vm, struct range chain)
{
	const struct tulou_host *host = vm->pool->host;

	if (host->unmap(host->ctx, chain.start, range_size(chain)))
		limbo_take(vm, chain);
	else
		process_vm_remove(vm, chain, false);
}

void growth_settle_slow(struct tulou_process_vm *vm, struct range range)
{
	uintptr_t at = look_from(vm, range.start);
	struct area *area;

	while ((area = process_vm_area_above(vm, at)) && area->range.start <= range.end) {
		struct range chain;
		struct area *above;

		at = area->range.end;
		if (grows(area) && !area_at(vm, area->range.start - 1) && !growth_book(vm, area->range.start))
			continue;
		chain = chain_at(vm, grows(area) ? area->range.start - 1 : area->range.start, &above);
		if (range_is_empty(chain))
			continue;
		at = chain.end > at ? chain.end : at;
		if (grows(above))
			chain_settle(vm, chain_extend(vm, chain, above));
		else
			chain_drop(vm, chain);
	}
}

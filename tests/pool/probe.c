/* SPDX-License-Identifier: MIT */
/* probe.c - see probe.h. */
#include "probe.h"

#include <string.h>

static _Thread_local uint32_t probe_task;

/* ---- rules ----------------------------------------------------------------------------------------------------------------- */

static bool rule_hit(struct probe_rule *rule)
{
	return rule->always || (rule->nth > 0 && --rule->nth == 0);
}

static bool random_hit(struct probe *probe)
{
	if (!probe->random_one_in)
		return false;
	probe->random = probe->random * 6364136223846793005ull + 1442695040888963407ull;
	return (probe->random >> 33) % probe->random_one_in == 0;
}

int probe_enter(struct probe *probe, enum probe_call call)
{
	int error = 0;

	__atomic_fetch_add(&probe->calls[call], 1, __ATOMIC_RELAXED);
	if (call >= PROBE_CALLS_FAILING)
		return 0;
	if (rule_hit(&probe->rules[call]))
		error = probe->rules[call].error;
	if (rule_hit(&probe->any))
		error = probe->any.error;
	if (random_hit(probe))
		error = TULOU_ENOMEM;
	if (error) {
		probe->failed++;
		probe->last_failed = call;
	}
	return -error;
}

void probe_fail(struct probe *probe, enum probe_call call, size_t nth, int error)
{
	probe->rules[call] = (struct probe_rule){.nth = nth, .error = error};
}

void probe_fail_always(struct probe *probe, enum probe_call call, int error)
{
	probe->rules[call] = (struct probe_rule){.always = error != 0, .error = error};
}

void probe_fail_any(struct probe *probe, size_t nth, int error)
{
	probe->any = (struct probe_rule){.nth = nth, .error = error};
}

void probe_fail_random(struct probe *probe, uint64_t seed, unsigned one_in)
{
	probe->random = seed;
	probe->random_one_in = one_in;
}

void probe_refuse_protect(struct probe *probe, uintptr_t page, int error)
{
	probe->refused_page = page;
	probe->refused_error = error;
}

void probe_fail_none(struct probe *probe)
{
	memset(probe->rules, 0, sizeof(probe->rules));
	memset(&probe->any, 0, sizeof(probe->any));
	probe->random_one_in = 0;
	probe->refused_error = 0;
}

void probe_task_set(uint32_t task)
{
	probe_task = task;
}

const char *probe_call_name(enum probe_call call)
{
	static const char *const names[PROBE_CALLS] = {"books_map", "map", "unmap", "protect", "grow", "move", "remap", "advise",
		"sync", "resident", "lock", "file_get", "file size", "file read", "file write", "books_unmap", "file_dup",
		"file_put"};

	return names[call];
}

/* ---- books ----------------------------------------------------------------------------------------------------------------- */

static void *probe_books_map(void *ctx, size_t size)
{
	struct probe *probe = ctx;
	void *start = probe_enter(probe, PROBE_BOOKS_MAP) ? NULL : probe->inner->books_map(probe->inner->ctx, size);

	if (start)
		__atomic_fetch_add(&probe->books, size, __ATOMIC_RELAXED);
	return start;
}

static void probe_books_unmap(void *ctx, void *start, size_t size)
{
	struct probe *probe = ctx;

	probe_enter(probe, PROBE_BOOKS_UNMAP);
	__atomic_fetch_sub(&probe->books, size, __ATOMIC_RELAXED);
	probe->inner->books_unmap(probe->inner->ctx, start, size);
}

/* ---- pages ----------------------------------------------------------------------------------------------------------------- */

static int probe_map(void *ctx, const struct tulou_mapping *m)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_MAP);

	return error ? error : probe->inner->map(probe->inner->ctx, m);
}

static int probe_unmap(void *ctx, uintptr_t start, size_t size)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_UNMAP);

	return error ? error : probe->inner->unmap(probe->inner->ctx, start, size);
}

static int probe_protect(void *ctx, uintptr_t start, size_t size, int prot)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_PROTECT);

	if (error || !probe->refused_error || probe->refused_page - start >= size)
		return error ? error : probe->inner->protect(probe->inner->ctx, start, size, prot);
	if (probe->refused_page > start)
		error = probe->inner->protect(probe->inner->ctx, start, probe->refused_page - start, prot);
	return error ? error : -probe->refused_error;
}

static int probe_grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_GROW);

	return error ? error : probe->inner->grow(probe->inner->ctx, start, size, new_size);
}

static int probe_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_MOVE);

	return error ? error : probe->inner->move(probe->inner->ctx, start, size, new_start, new_size, keep_source);
}

static int probe_remap(void *ctx, uintptr_t start, size_t size, uint64_t offset)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_REMAP);

	return error ? error : probe->inner->remap(probe->inner->ctx, start, size, offset);
}

static uintptr_t probe_grown(void *ctx, uintptr_t start, uintptr_t low)
{
	struct probe *probe = ctx;

	return probe->inner->grown(probe->inner->ctx, start, low);
}

static int probe_zero(void *ctx, uintptr_t start, size_t size)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_ADVISE);

	return error ? error : probe->inner->zero(probe->inner->ctx, start, size);
}

static int probe_advise(void *ctx, uintptr_t start, size_t size, int advice)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_ADVISE);

	return error ? error : probe->inner->advise(probe->inner->ctx, start, size, advice);
}

static int probe_sync(void *ctx, uintptr_t start, size_t size, int flags)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_SYNC);

	return error ? error : probe->inner->sync(probe->inner->ctx, start, size, flags);
}

static int probe_resident(void *ctx, uintptr_t start, size_t size, unsigned char *vector)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_RESIDENT);

	return error ? error : probe->inner->resident(probe->inner->ctx, start, size, vector);
}

static int probe_lock(void *ctx, uintptr_t start, size_t size, enum tulou_lock how)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_LOCK);

	return error ? error : probe->inner->lock(probe->inner->ctx, start, size, how);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static int probe_file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	struct probe *probe = ctx;
	int error = probe_enter(probe, PROBE_FILE_GET);

	if (!error)
		error = probe->inner->file_get(probe->inner->ctx, fd, shared, out);
	if (!error)
		__atomic_fetch_add(&probe->handles, 1, __ATOMIC_RELAXED);
	return error;
}

static bool probe_file_syncs(void *ctx, int fd)
{
	struct probe *probe = ctx;

	return probe->inner->file_syncs(probe->inner->ctx, fd);
}

static void probe_file_dup(void *ctx, const struct tulou_file *file)
{
	struct probe *probe = ctx;

	probe_enter(probe, PROBE_FILE_DUP);
	__atomic_fetch_add(&probe->handles, 1, __ATOMIC_RELAXED);
	probe->inner->file_dup(probe->inner->ctx, file);
}

static void probe_file_put(void *ctx, const struct tulou_file *file)
{
	struct probe *probe = ctx;

	probe_enter(probe, PROBE_FILE_PUT);
	__atomic_fetch_sub(&probe->handles, 1, __ATOMIC_RELAXED);
	probe->inner->file_put(probe->inner->ctx, file);
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------------- */

static uint32_t probe_self(void *ctx)
{
	const struct probe *probe = ctx;

	return probe_task ? probe_task : probe->inner->self(probe->inner->ctx);
}

static bool probe_alive(void *ctx, uint32_t owner)
{
	const struct probe *probe = ctx;

	return probe->inner->alive(probe->inner->ctx, owner);
}

static void probe_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	const struct probe *probe = ctx;

	probe->inner->wait(probe->inner->ctx, word, seen);
}

static void probe_wake(void *ctx, uint32_t *word, unsigned count)
{
	const struct probe *probe = ctx;

	probe->inner->wake(probe->inner->ctx, word, count);
}

static __attribute__((noreturn)) void probe_panic(void *ctx, const char *what)
{
	const struct probe *probe = ctx;

	probe->inner->panic(probe->inner->ctx, what);
}

void probe_init(struct probe *probe, const struct tulou_host *inner)
{
	*probe = (struct probe){.inner = inner};
	probe->host = (struct tulou_host){
		.ctx = probe,
		.books_map = probe_books_map,
		.books_unmap = probe_books_unmap,
		.map = probe_map,
		.unmap = probe_unmap,
		.protect = probe_protect,
		.grow = probe_grow,
		.move = probe_move,
		.moves_many = inner->moves_many,
		.remap = inner->remap ? probe_remap : NULL,
		.grown = inner->grown ? probe_grown : NULL,
		.zero = inner->zero ? probe_zero : NULL,
		.advise = probe_advise,
		.sync = probe_sync,
		.resident = inner->resident ? probe_resident : NULL,
		.lock = inner->lock ? probe_lock : NULL,
		.file_get = probe_file_get,
		.file_syncs = inner->file_syncs ? probe_file_syncs : NULL,
		.file_dup = probe_file_dup,
		.file_put = probe_file_put,
		.self = probe_self,
		.alive = probe_alive,
		.wait = probe_wait,
		.wake = probe_wake,
		.panic = probe_panic,
	};
}

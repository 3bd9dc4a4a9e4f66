/* SPDX-License-Identifier: MIT */
/*
 * test_area_limit.c - every call of calls.c on the Linux host in an address space that has all the areas that the kernel allows.
 *
 *     scene │ … ││││││││││││││││││││││││││││││││││││  areas of a page, above the pool, `spare` fewer than vm.max_map_count
 *
 * A call that fails has changed nothing, or a part where Linux too does a part. A call that works may not leave more areas than there
 * are allowed. Afterwards, with the areas gone, all calls work again.
 */
#include "calls.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILL_FIRST = 600, FILL_MOST = 70000, HOST_MARGIN = 128 };
#define FILL_START 0x40000000ul

static size_t complaints, refused, worked, partly;
static struct snapshot before, after;

static size_t area_limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	size_t limit = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu", &limit), 1);
	fclose(file);
	return limit;
}

/* One page, and none beside it that it could be merged with. False: the kernel has no more. */
static bool fill_one(size_t index)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	void *addr = (void *)(FILL_START + index * PAGE);

	return mmap(addr, PAGE, index % 2 ? PROT_READ : PROT_NONE, flags, -1, 0) == addr;
}

static size_t fill_all(size_t from)
{
	while (fill_one(from)) {
		from++;
		assert_true(from < FILL_MOST);
	}
	return from;
}

static void fill_drop(size_t from, size_t to)
{
	if (from < to)
		assert_int_equal(munmap((void *)(FILL_START + from * PAGE), (to - from) * PAGE), 0);
}

/* The scene is made while there is room for it; then the rest is filled, but `spare`. */
static size_t open_full(struct scene *s, size_t first, size_t spare)
{
	size_t end;

	scene_open(s, false);
	end = fill_all(first);
	fill_drop(end - spare, end);
	s->f.machine.linux_host.area_bound += (uint32_t)(end - spare - first); /* as if the host had made them */
	snapshot_take(s, &before);
	return end - spare;
}

static void close_full(struct scene *s, size_t first, size_t end)
{
	fill_drop(first, end);
	scene_close(s);
}

static void complain(const struct call *call, size_t spare, const char *what)
{
	print_error("%s with room for %zu areas: %s\n", call->name, spare, what);
	complaints++;
}

/* The call left something else than what was there. Books and host agree in any case. */
static bool changed(const struct call *call, size_t spare, long result, struct scene *s)
{
	snapshot_take(s, &after);
	scene_sound(s, call->name);
	if (snapshot_same(&after, &before, 0, SCENE_PAGES, true, NULL))
		return false;
	if (result < 0 && call->partial == ALL_OR_NOTHING) {
		snapshot_same(&after, &before, 0, SCENE_PAGES, true, call->name);
		complain(call, spare, "failed, and something was changed");
	}
	partly += result < 0;
	return true;
}

static void all_calls(size_t first, size_t spare)
{
	static struct scene s;
	size_t count, end = open_full(&s, first, spare);
	const struct call *calls = calls_all(&count, false);

	for (size_t i = 0; i < count; i++) {
		long result = calls[i].make(&s, &calls[i]);

		refused += result < 0;
		worked += result >= 0;
		if (result == -TULOU_ENOSYS || result == -TULOU_EIO)
			complain(&calls[i], spare, "an error that no limit explains");
		if (!changed(&calls[i], spare, result, &s))
			continue;
		close_full(&s, first, end);
		end = open_full(&s, first, spare);
	}
	close_full(&s, first, end);
}

/* In a child, whose address space may be full. */
static int child(void)
{
	static const size_t spares[] = {0, HOST_MARGIN + 1};
	size_t first, end;

	pool_machine = ON_LINUX;
	end = fill_all(0);
	first = end - FILL_FIRST;
	fill_drop(first, end);
	for (size_t i = 0; i < sizeof(spares) / sizeof(spares[0]); i++)
		all_calls(first, spares[i]);
	print_message("%zu areas; %zu calls refused, %zu of them after a part, %zu worked\n", end, refused, partly, worked);
	fill_drop(0, first);
	return complaints || refused < 1000 || worked < 1000;
}

static void at_the_limit(void **state)
{
	int status;
	pid_t pid;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its allocator needs areas of its own */
#endif
	if (area_limit() >= FILL_MOST)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(at_the_limit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* calls.c - see calls.h. */
#include "calls.h"

enum { CALLS_MOST = 4096, MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED, DONT = TULOU_MREMAP_DONTUNMAP };

static struct call calls[CALLS_MOST];
static size_t call_count;

/* ---- what they do ---------------------------------------------------------------------------------------------------------- */

static struct tulou_process_vm *caller(struct scene *s, const struct call *call)
{
	return call->by_b ? s->f.b : s->f.a;
}

static size_t bytes(const struct call *call)
{
	return (size_t)call->pages * PAGE;
}

static long make_munmap(struct scene *s, const struct call *call)
{
	return tulou_munmap(caller(s, call), at(call->page), bytes(call));
}

static long make_mprotect(struct scene *s, const struct call *call)
{
	return tulou_mprotect(caller(s, call), at(call->page), bytes(call), call->flags);
}

static long make_madvise(struct scene *s, const struct call *call)
{
	return tulou_madvise(caller(s, call), at(call->page), bytes(call), call->flags);
}

static long make_msync(struct scene *s, const struct call *call)
{
	return tulou_msync(caller(s, call), at(call->page), bytes(call), call->flags);
}

static long make_mlock(struct scene *s, const struct call *call)
{
	return tulou_mlock2(caller(s, call), at(call->page), bytes(call), call->flags);
}

static long make_munlock(struct scene *s, const struct call *call)
{
	return tulou_munlock(caller(s, call), at(call->page), bytes(call));
}

static long make_mincore(struct scene *s, const struct call *call)
{
	static unsigned char seen[SCENE_PAGES];

	return tulou_mincore(caller(s, call), at(call->page), bytes(call), seen);
}

static long make_mseal(struct scene *s, const struct call *call)
{
	return tulou_mseal(caller(s, call), at(call->page), bytes(call), 0);
}

/* arg: of which file, -1 anonymous, SCENE_FILES read-only; arg2: which page of it; page: -1 anywhere. */
static long make_mmap(struct scene *s, const struct call *call)
{
	int fd = call->arg < 0 ? -1 : call->arg == SCENE_FILES ? s->read_only_fd : s->fd[call->arg];
	int prot = call->arg == SCENE_FILES ? RO : RW;
	uintptr_t addr = call->page < 0 ? 0 : at(call->page);

	return tulou_mmap(caller(s, call), addr, bytes(call), prot, call->flags, fd, (uint64_t)call->arg2 * PAGE);
}

/* arg: new pages; arg2: new page */
static long make_mremap(struct scene *s, const struct call *call)
{
	size_t old = call->arg < 0 ? 0 : bytes(call), new = (size_t)(call->arg < 0 ? -call->arg : call->arg) * PAGE;

	return tulou_mremap(caller(s, call), at(call->page), old, new, call->flags, at(call->arg2));
}

/* arg: bytes from where the break is. The unchanged break is a failure, as in the C library. */
static long make_brk(struct scene *s, const struct call *call)
{
	uintptr_t wanted = (uintptr_t)((long)s->brk + call->arg);
	long result = tulou_brk(s->f.a, wanted);

	return (uintptr_t)result == wanted ? 0 : -TULOU_ENOMEM;
}

static long make_mlockall(struct scene *s, const struct call *call)
{
	return call->flags ? tulou_mlockall(s->f.a, call->flags, UINT64_MAX) : tulou_munlockall(s->f.a);
}

static long make_process(struct scene *s, const struct call *call)
{
	struct tulou_process_vm *vm;

	(void)call;
	return tulou_process_vm_create(s->f.pool, 4, &vm);
}

/* B gets images at a place that is free, a heap and a stack. */
static long make_build(struct scene *s, const struct call *call)
{
	struct tulou_image images[] = {
		{.size = 4 * PAGE, .align = PAGE, .fixed = call->arg ? at(712) : 0}, {.size = 5 * PAGE, .align = 2 * PAGE}};
	struct tulou_layout layout = {
		.images = images, .image_count = 2, .stack_size = (size_t)call->arg2 * PAGE, .stack_room = 9 * PAGE};

	return tulou_process_vm_build(s->f.b, &layout);
}

/* ---- which there are ------------------------------------------------------------------------------------------------------- */

static struct call *add(const char *name, long (*make)(struct scene *, const struct call *), enum partial partial)
{
	struct call *call = &calls[call_count++];

	assert_true(call_count <= CALLS_MOST);
	*call = (struct call){.make = make, .partial = partial};
	snprintf(call->name, sizeof(call->name), "%s", name);
	return call;
}

static const struct {
	const char *name;
	long page, pages;
} targets[] = {
	{"one area", 576, 4},
	{"the middle of one", 577, 2},
	{"the head of one", 636, 2},
	{"many areas", 576, 24},
	{"a hole, then areas", 572, 10},
	{"areas, then a hole", 590, 20},
	{"areas and holes", 590, 60},
	{"two records of one mapping", 636, 8},
	{"an edge inside one mapping", 638, 4},
	{"a shared file", 646, 4},
	{"the middle of a shared file", 647, 2},
	{"a private file", 652, 4},
	{"the end of a private file", 654, 2},
	{"shared anonymous", 660, 4},
	{"the head of shared anonymous", 660, 2},
	{"files", 644, 20},
	{"locked", 668, 3},
	{"the middle of locked", 669, 1},
	{"around locked", 664, 8},
	{"sealed", 674, 3},
	{"around sealed", 672, 8},
	{"no access", 680, 3},
	{"not reserved", 692, 2},
	{"another's", 706, 3},
	{"around another's", 690, 40},
	{"three chunks", 770, 130},
	{"a chunk", 832, 64},
	{"some of two chunks", 800, 50},
	{"most", 576, 98},
	{"all chunks", 682, 250},
	{"nothing", 1000, 4},
	{"heap", 0, 2},
	{"stack", 514, 2},
};
enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };

static struct call *aim(struct call *call, size_t target)
{
	size_t length = strlen(call->name);

	call->page = targets[target].page;
	call->pages = targets[target].pages;
	snprintf(call->name + length, sizeof(call->name) - length, " of %s", targets[target].name);
	return call;
}

static void ranges(size_t target)
{
	static const int prots[] = {NONE, RO, RW, RX}, syncs[] = {TULOU_MS_SYNC, TULOU_MS_ASYNC, TULOU_MS_INVALIDATE};
	char name[40];

	aim(add("munmap", make_munmap, UP_TO_A_PAGE), target);
	for (size_t i = 0; i < sizeof(prots) / sizeof(prots[0]); i++) {
		snprintf(name, sizeof(name), "mprotect %d", prots[i]);
		aim(add(name, make_mprotect, ALL_OR_NOTHING), target)->flags = prots[i];
	}
	for (size_t i = 0; i < sizeof(syncs) / sizeof(syncs[0]); i++) {
		snprintf(name, sizeof(name), "msync %d", syncs[i]);
		aim(add(name, make_msync, UP_TO_A_PAGE), target)->flags = syncs[i];
	}
	for (int advice = 0; advice <= TULOU_MADV_GUARD_REMOVE; advice++) {
		if (advice == 5 || (advice > TULOU_MADV_COLLAPSE && advice < TULOU_MADV_GUARD_INSTALL))
			continue;
		snprintf(name, sizeof(name), "madvise %d", advice);
		aim(add(name, make_madvise, UP_TO_A_PAGE), target)->flags = advice;
	}
	aim(add("mlock", make_mlock, ALL_OR_NOTHING), target);
	aim(add("mlock2 on fault", make_mlock, ALL_OR_NOTHING), target)->flags = TULOU_MLOCK_ONFAULT;
	aim(add("munlock", make_munlock, ALL_OR_NOTHING), target);
	aim(add("mincore", make_mincore, ALL_OR_NOTHING), target);
	aim(add("mseal", make_mseal, ALL_OR_NOTHING), target);
}

static const struct {
	const char *name;
	int flags;
	long file, file_page;
} kinds[] = {
	{"anonymous", PRIV, -1, 0},
	{"shared anonymous", SHARED, -1, 0},
	{"a private file", TULOU_MAP_PRIVATE, 1, 2},
	{"a shared file", TULOU_MAP_SHARED, 0, 4},
	{"a read-only file", TULOU_MAP_SHARED, SCENE_FILES, 1},
	{"locked", PRIV | TULOU_MAP_LOCKED, -1, 0},
	{"populated", PRIV | TULOU_MAP_POPULATE, -1, 0},
	{"not reserved", PRIV | TULOU_MAP_NORESERVE, -1, 0},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct call *add_mmap(const char *how, size_t kind)
{
	struct call *call = add("", make_mmap, ALL_OR_NOTHING);

	snprintf(call->name, sizeof(call->name), "mmap %s of %s", how, kinds[kind].name);
	call->flags = kinds[kind].flags;
	call->arg = kinds[kind].file;
	call->arg2 = kinds[kind].file_page;
	return call;
}

static void fixed(size_t target)
{
	struct call *call;

	for (size_t kind = 0; kind < KINDS; kind++) {
		if (kinds[kind].file >= 0 && targets[target].pages > SCENE_FILE_PAGES - kinds[kind].file_page)
			continue;
		call = aim(add_mmap("fixed", kind), target);
		call->flags |= FIXED;
	}
	call = aim(add_mmap("no replace", 0), target);
	call->flags |= NOREPLACE;
	call = aim(add_mmap("with a hint", 0), target);
}

/* new pages < 0: old size 0 */
static void add_mremap(const char *name, size_t target, long new_pages, int flags, long new_page)
{
	bool shrinks = new_pages > 0 && new_pages < targets[target].pages;
	/* What is longer than eight pages is several mappings; shorter ones move whole. */
	bool several = (flags & TULOU_MREMAP_FIXED) && new_pages == targets[target].pages && new_pages > 8;
	enum partial partial = shrinks ? UP_TO_A_PAGE : several ? SOME_PAGES : ALL_OR_NOTHING;
	struct call *call = aim(add(name, make_mremap, partial), target);

	call->arg = new_pages;
	call->arg2 = new_page;
	call->flags = flags;
}

static void remaps(size_t target)
{
	long pages = targets[target].pages;

	add_mremap("mremap to half", target, (pages + 1) / 2, 0, 0);
	add_mremap("mremap a page longer", target, pages + 1, 0, 0);
	add_mremap("mremap two pages longer or elsewhere", target, pages + 2, MAY, 0);
	add_mremap("mremap much longer or elsewhere", target, pages + 40, MAY, 0);
	add_mremap("mremap to a free place", target, pages, MAY | FIX, 920);
	add_mremap("mremap longer over areas", target, pages + 3, MAY | FIX, 776);
	add_mremap("mremap over files", target, pages, MAY | FIX, 647);
	add_mremap("mremap to half over areas", target, (pages + 1) / 2, MAY | FIX, 586);
	add_mremap("mremap and keep", target, pages, MAY | DONT, 0);
	add_mremap("mremap and keep over areas", target, pages, MAY | DONT | FIX, 838);
	add_mremap("mremap a second view", target, -2, MAY, 0);
	add_mremap("mremap a second view over areas", target, -2, MAY | FIX, 582);
}

static void anywhere(void)
{
	static const long sizes[] = {1, 3, 40, 100};
	struct call *call;

	for (size_t kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
			long pages = sizes[i / 2];

			if (kinds[kind].file >= 0 && pages > SCENE_FILE_PAGES - kinds[kind].file_page)
				continue;
			call = add_mmap(i % 2 ? "by B" : "anywhere", kind);
			call->page = -1;
			call->pages = pages;
			call->by_b = i % 2;
		}
	}
	call = add_mmap("low", 0);
	call->page = -1, call->pages = 2, call->flags |= TULOU_MAP_32BIT;
	call = add_mmap("stack", 0);
	call->page = -1, call->pages = 2, call->flags |= TULOU_MAP_STACK | TULOU_MAP_GROWSDOWN;
	for (long pages = -3; pages <= 300; pages += pages < 6 ? 1 : 40) {
		call = add("brk", make_brk, pages < 0 ? UP_TO_A_PAGE : ALL_OR_NOTHING);
		call->arg = pages * PAGE - (pages == -3 ? 100 : 1);
		snprintf(call->name, sizeof(call->name), "brk by %ld", call->arg);
	}
}

static void others(void)
{
	for (int flags = 0; flags < 8; flags++)
		add(flags ? "mlockall" : "munlockall", make_mlockall, UP_TO_A_PAGE)->flags = flags;
	add("a new process VM", make_process, ALL_OR_NOTHING);
	for (int i = 0; i < 4; i++) {
		struct call *call = add("build", make_build, ALL_OR_NOTHING);

		call->arg = i % 2;
		call->arg2 = i / 2 ? 2 : 8;
	}
}

const struct call *calls_all(size_t *count, bool later)
{
	call_count = 0;
	for (size_t target = 0; target < TARGETS; target++) {
		if (!later)
			ranges(target);
		fixed(target);
		remaps(target);
	}
	anywhere();
	if (!later)
		others();
	*count = call_count;
	return calls;
}

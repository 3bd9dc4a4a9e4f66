/* SPDX-License-Identifier: MIT */
/* image_take.c - at exec: a shelved process VM that holds the program, or the record of what was loaded. */
#include "runtime/image/image_set.h"
#include "runtime/trap/patch.h"

struct wanted {
	struct file_key program, interpreter;
	bool has_interpreter;
	size_t stack_size;
};

static bool wanted_of(const struct program *p, struct wanted *wanted)
{
	wanted->has_interpreter = p->has_interp;
	return p->exe.type == ET_DYN && file_key_of(p->fd, &wanted->program) &&
	       (!p->has_interp || file_key_of(p->interp_fd, &wanted->interpreter));
}

static bool match(void *arg, void *label)
{
	const struct wanted *wanted = arg;
	const struct image_set *set = label;

	return file_key_equal(&set->images[SET_PROGRAM].key, &wanted->program) &&
	       wanted->has_interpreter == (set->start.interp_start != 0) &&
	       (!wanted->has_interpreter || file_key_equal(&set->images[SET_INTERPRETER].key, &wanted->interpreter)) &&
	       set->stack_size == wanted->stack_size;
}

static bool refill(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	struct image_set *set)
{
	if (set->patch && !patch_trampolines_stand(set->patch))
		return false;
	if (!image_verify(&set->images[SET_PROGRAM], p->fd, set->patch) ||
		(p->has_interp && !image_verify(&set->images[SET_INTERPRETER], p->interp_fd, set->patch)))
		return false;
	return program_reload(p, vm, argv, envp, runtime.host_auxv, &set->start) == 0;
}

struct image_set *images_take(struct program *p, const struct strings *argv, const struct strings *envp, size_t stack_size,
	struct tulou_process_vm **place, struct program_start *start)
{
	struct wanted wanted = {.stack_size = stack_size};
	struct image_set *set;

	if (runtime.no_image_cache || p->fatal || !wanted_of(p, &wanted))
		return NULL;
	set = tulou_process_vm_unshelve(runtime.pool, match, &wanted, place);
	image_count(set ? IMAGE_HIT : IMAGE_MISS);
	if (!set)
		return NULL;
	image_unshelved();
	__atomic_store_n(&set->holder, thread_current()->state, __ATOMIC_RELEASE);
	if (!refill(p, *place, argv, envp, set)) {
		image_count(IMAGE_UNFIT);
		tulou_process_vm_drop(place);
		images_drop(set);
		return NULL;
	}
	set->images[SET_PROGRAM].state = IMAGE_MAPPED;
	if (p->has_interp)
		set->images[SET_INTERPRETER].state = IMAGE_MAPPED;
	set->starting = p->has_interp;
	set->again = true;
	*start = set->start;
	image_cpuid(set, *place);
	return set;
}

struct image_set *images_of(struct program *p, struct tulou_process_vm *vm, size_t stack_size, const struct program_start *start)
{
	struct wanted wanted;
	struct image_set *set;

	if (runtime.no_image_cache || !wanted_of(p, &wanted) || !file_key_settled(&wanted.program) ||
		(p->has_interp && !file_key_settled(&wanted.interpreter)))
		return NULL;
	set = image_set_claim();
	if (!set)
		return NULL;
	set->start = *start;
	set->stack_size = stack_size;
	set->starting = p->has_interp;
	set->count = p->has_interp ? 2 : 1;
	set->images[SET_PROGRAM] = (struct image){.key = wanted.program, .start = start->exe_start, .end = start->exe_end};
	set->images[SET_INTERPRETER] =
		(struct image){.key = wanted.interpreter, .start = start->interp_start, .end = start->interp_end};
	image_pieces_find(set, vm);
	return set;
}

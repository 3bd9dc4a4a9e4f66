/* SPDX-License-Identifier: MIT */
/*
 * image_cpuid.c - dynamic linkers, whose cpuid instructions cost more than all else that they do on a virtual machine: for each
 * file of theirs, where they stand.
 *
 * To find them costs what several starts gain, so it is done when a third process has the linker. (Who dies while finding
 * leaves it undone.) And it costs each process VM the copied pages of text, so only those have it that are handed on: a crowd
 * of sleepers has not.
 */
#include "runtime/image/image_set.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/patch_cpuid.h"
#include "runtime/trap/patch_space.h"

enum { LINKERS_MAX = 2, STARTS_BEFORE = 1 };
enum { LINKER_NONE, LINKER_BUSY, LINKER_COUNTING, LINKER_FINDING, LINKER_KNOWN };

static struct linker {
	uint32_t state; /* LINKER_*; atomic */
	uint32_t starts; /* with a process VM that was handed on; atomic */
	struct file_key key; /* written once */
	struct cpuid_sites sites; /* the same */
} linkers[LINKERS_MAX] LARGE_ZEROS;

static bool step(struct linker *linker, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&linker->state, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static struct linker *linker_of(const struct file_key *key)
{
	for (unsigned i = 0; i < LINKERS_MAX; i++) {
		struct linker *linker = &linkers[i];

		if (step(linker, LINKER_NONE, LINKER_BUSY)) {
			linker->key = *key;
			__atomic_store_n(&linker->state, LINKER_COUNTING, __ATOMIC_RELEASE);
			return linker;
		}
		if (__atomic_load_n(&linker->state, __ATOMIC_ACQUIRE) >= LINKER_COUNTING && file_key_equal(&linker->key, key))
			return linker;
	}
	return NULL;
}

static bool linker_known(struct linker *linker, const struct text *text, const struct patch_space *space)
{
	if (__atomic_load_n(&linker->state, __ATOMIC_ACQUIRE) == LINKER_KNOWN)
		return linker->sites.count != 0;
	if (__atomic_fetch_add(&linker->starts, 1, __ATOMIC_RELAXED) < STARTS_BEFORE ||
		!step(linker, LINKER_COUNTING, LINKER_FINDING))
		return false;
	patch_cpuid_find(text, space, &linker->sites);
	__atomic_store_n(&linker->state, LINKER_KNOWN, __ATOMIC_RELEASE);
	return linker->sites.count != 0;
}

static bool text_of(const struct image *image, struct text *text)
{
	for (unsigned i = 0; i < image->count; i++) {
		const struct image_piece *piece = &image->pieces[i];
		if (!piece->file || piece->prot != (TULOU_PROT_READ | TULOU_PROT_EXEC))
			continue;
		*text = (struct text){
			.start = piece->start, .end = piece->end, .offset = piece->offset, .prot = piece->prot, .found = true};
		return true;
	}
	return false;
}

void image_cpuid(struct image_set *set, struct tulou_process_vm *vm)
{
	const struct image *interpreter = &set->images[SET_INTERPRETER];
	struct linker *linker;
	struct text text;

	if (!runtime.patch || !code_decoder || !set->start.interp_start || (set->patch && set->patch->cpuid) ||
		!text_of(interpreter, &text))
		return;
	linker = linker_of(&interpreter->key);
	if (!linker || !linker_known(linker, &text, set->patch) || !cpuid_learn())
		return;
	if (!set->patch)
		set->patch = patch_space_claim();
	if (set->patch)
		patch_cpuid(vm, set->patch, &text, &linker->sites);
}

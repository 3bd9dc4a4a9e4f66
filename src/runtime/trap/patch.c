/* SPDX-License-Identifier: MIT */
#include "runtime/trap/patch.h"

#include <asm-generic/errno.h>

#include "base/mem.h"
#include "base/page.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/fast.h"
#include "runtime/trap/patch_cpuid.h"
#include "runtime/trap/patch_pages.h"
#include "runtime/trap/patch_space.h"
#include "runtime/trap/patch_text.h"
#include "runtime/trap/patch_trampoline.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

/* A trap costs some 2.7 µs more than a call, patching a site some 40, the first of a process twice that: it pays after so many.
 * What a program does to start is not counted, so that short ones have no records. */
enum { PATCH_AFTER = 12, PATCH_FIRST = 16, TRAPS_AT_START = 20, TRY_AGAIN = 4096 };
enum { MOV_EAX = 0xb8, PAGE = TULOU_PAGE_SIZE };

/* ---- may its page be changed? ------------------------------------------------------------------------------------------------------- */

/* What differs from the file there are our jumps only. */
static bool page_is_known(const struct patch_space *space, uint64_t at)
{
	for (unsigned i = 0; i < SITES_MAX; i++)
		if (space->sites[i].state == SITE_PATCHED && patch_site_start(&space->sites[i]) / PAGE == at / PAGE &&
			patch_site_stands(&space->sites[i]))
			return true;
	return text_page_is_files(at);
}

/* ---- patching ------------------------------------------------------------------------------------------------------------------- */

/* `fresh`: the first one of its page. */
static bool trampoline_write(
	struct patch_site *site, const struct code_piece *piece, const uint8_t *bytes, uint64_t start, bool fresh)
{
	uint8_t code[TRAMPOLINE_SIZE] __attribute__((aligned(8)));

	if (!patch_trampoline_make(site, piece, bytes, start, code))
		return false;
	return (fresh ? patch_fresh : patch_anonymous)(site->trampoline, code, sizeof code) == 0;
}

/* FALL_BACKS: it is patched. */
static enum fall_back site_patch(struct process *process, struct patch_space *space, struct patch_site *site)
{
	uint8_t bytes[CODE_PIECE_MAX], jump[JUMP_SIZE];
	struct code_piece piece;
	struct text text;
	uint64_t start;
	enum fall_back why;
	bool fresh = false;

	if (!text_find(process, site->at - SYSCALL_LENGTH, &text))
		return FALL_NO_FILE;
	why = text_piece_find(process, &text, site->at - SYSCALL_LENGTH, site->nr, &piece, &start, bytes);
	if (why != FALL_BACKS)
		return why;
	if (start / PAGE != (start + JUMP_SIZE - 1) / PAGE)
		return FALL_FORM;
	if (!page_is_known(space, start))
		return FALL_NO_FILE;
	if (!site->trampoline || !patch_in_reach(site->trampoline, start)) {
		site->trampoline = patch_trampoline_claim(space, process->vm, &text, 1);
		fresh = !(site->trampoline & (PAGE - 1));
	}
	if (!site->trampoline)
		return FALL_NO_ROOM;
	site->length = (uint8_t)piece.length;
	site->prot = (uint8_t)text.prot;
	site->first = MOV_EAX;
	patch_jump_bytes(site, start, jump);
	space->patched = true;
	if (!trampoline_write(site, &piece, bytes, start, fresh) || patch_text(start, jump, sizeof jump, text.prot) < 0)
		return FALL_NO_ROOM;
	return FALL_BACKS;
}

static void site_try(struct process *process, struct patch_space *space, struct patch_site *site)
{
	enum fall_back why;

	site->hits = 0;
	if (!space->high || site->at - CODE_PIECE_MAX < space->low)
		space->low = site->at - CODE_PIECE_MAX;
	if (site->at > space->high)
		space->high = site->at;
	if (site->state == SITE_PATCHED && patch_site_stands(site))
		return;
	why = site_patch(process, space, site);
	site->state = why == FALL_BACKS ? SITE_PATCHED : SITE_LEFT;
	site->why = (uint8_t)why;
}

static unsigned traps_wanted(const struct patch_space *space)
{
	return runtime.patch_after ? runtime.patch_after : space->patched ? PATCH_AFTER : PATCH_FIRST;
}

static enum fall_back notice(struct thread *thread, struct patch_space *space, uint64_t at, uint32_t nr)
{
	struct patch_site *site = patch_site_of(space, at);
	enum fall_back why;

	if (!site)
		return FALL_NO_ROOM;
	if (site->kind == SITE_CPUID && site->state == SITE_PATCHED) /* another text stands there now */
		return FALL_REFUSED;
	if (site->state == SITE_FREE || site->nr != nr) {
		if (site->state == SITE_PATCHED) /* two numbers from one syscall: it is jumped to from elsewhere */
			return FALL_REFUSED;
		site->kind = SITE_SYSCALL;
		site->nr = nr;
		site->hits = 0;
		site->state = SITE_COLD;
	}
	why = site->state == SITE_COLD ? FALL_COLD : site->state == SITE_PATCHED ? FALL_REFUSED : (enum fall_back)site->why;
	if (++site->hits >= (site->state == SITE_LEFT ? TRY_AGAIN : traps_wanted(space)))
		site_try(thread->process, space, site);
	return why;
}

/* The first traps of a program, which most short ones do not exceed. */
static bool is_starting(struct process *process)
{
	if (process->patch || runtime.patch_after || process->traps >= TRAPS_AT_START)
		return false;
	process->traps++;
	return true;
}

void patch_notice(struct thread *thread, const struct registers *regs)
{
	unsigned nr = (unsigned)regs->rax;
	enum fall_back why = FALL_COLD;
	struct patch_space *space;

	if (!fast_answers(nr)) {
		why = FALL_CALL;
	} else if (!runtime.patch) {
		why = FALL_OFF;
	} else if (!fast_has_gs(thread)) {
		why = FALL_GS;
	} else if (!is_starting(thread->process)) {
		space = patch_space_of(thread->process);
		if (space && patch_space_try_lock(space)) {
			why = notice(thread, space, regs->rip, nr);
			patch_space_unlock(space);
		}
	}
	statistics_fall(nr, why);
}

/* ---- contexts ------------------------------------------------------------------------------------------------------------------- */

/* Without the lock: a record that others read is not changed but for its state while a thread can be in its trampoline. NULL: `at`
 * is in none. */
static const struct patch_site *site_of_trampoline(const struct patch_space *space, uint64_t at)
{
	bool ours = false;

	for (unsigned i = 0; space && i < TRAMPOLINES_MAX; i++)
		ours |= space->pages[i] && at - space->pages[i] < PAGE;
	for (unsigned i = 0; ours && i < SITES_MAX; i++)
		if (space->sites[i].trampoline && at - space->sites[i].trampoline < TRAMPOLINE_SIZE)
			return &space->sites[i];
	return NULL;
}

void patch_settle(const struct process *process, struct registers *regs)
{
	bool answering = cpuid_stands_in(regs);
	const struct patch_site *site = site_of_trampoline(process->patch, answering ? cpuid_return_address(regs) : regs->rip);

	if (site && answering)
		cpuid_leave(regs, site->at);
	else if (site)
		patch_trampoline_leave(site, regs);
}

/* ---- changes by the guest ------------------------------------------------------------------------------------------------------- */

/* The range up to its last page. */
static bool overlaps(uint64_t start, uint64_t size, uint64_t from, uint64_t to)
{
	uint64_t end = start + size + PAGE - 1 < start ? UINT64_MAX : page_up(start + size);
	return start < to && from < end;
}

static long site_restore(struct patch_site *site)
{
	uint8_t original[JUMP_SIZE] = {site->first};
	long result = 0;

	if (patch_site_stands(site)) {
		memcpy(original + 1, &site->nr, sizeof site->nr);
		result = patch_text(patch_site_start(site), original, sizeof original, site->prot);
	}
	if (!result)
		site->state = site->kind == SITE_CPUID ? SITE_FREE : SITE_COLD;
	return result;
}

/* Must the jump of this site go? */
static bool site_concerned(
	const struct patch_space *space, const struct patch_site *site, uint64_t start, uint64_t size, enum patch_change change)
{
	if (site->state != SITE_PATCHED)
		return false;
	if (change == PATCH_CHANGE && overlaps(start, size, patch_site_start(site), site->at))
		return true;
	for (unsigned i = 0; i < TRAMPOLINES_MAX; i++)
		if (space->pages[i] == page_down(site->trampoline) &&
			overlaps(start, size, space->pages[i], space->pages[i] + PAGE))
			return true;
	return false;
}

/* The pages stay without gaps. */
static void page_forget(struct patch_space *space, unsigned page)
{
	for (unsigned i = 0; i < SITES_MAX; i++)
		if (space->sites[i].trampoline - space->pages[page] < PAGE)
			space->sites[i].trampoline = 0;
	for (unsigned i = page; i < TRAMPOLINES_MAX; i++) {
		space->pages[i] = i + 1 < TRAMPOLINES_MAX ? space->pages[i + 1] : 0;
		space->used[i] = i + 1 < TRAMPOLINES_MAX ? space->used[i + 1] : 0;
	}
}

static long change_locked(struct patch_space *space, uint64_t start, uint64_t size, enum patch_change change)
{
	for (unsigned i = 0; i < SITES_MAX; i++) {
		struct patch_site *site = &space->sites[i];
		long result = site_concerned(space, site, start, size, change) ? site_restore(site) : 0;
		if (result < 0)
			return result;
		if (change == PATCH_UNMAP && site->state == SITE_LEFT && overlaps(start, size, site->at, site->at + 1))
			site->state = SITE_COLD; /* something else may come to stand there */
	}
	for (unsigned i = 0; i < TRAMPOLINES_MAX && space->pages[i]; i++) {
		if (!overlaps(start, size, space->pages[i], space->pages[i] + PAGE))
			continue;
		page_forget(space, i--);
	}
	return 0;
}

/* Without the lock: most changes are far from text. */
static bool is_far(const struct patch_space *space, uint64_t start, uint64_t size)
{
	if (overlaps(start, size, space->low, space->high))
		return false;
	for (unsigned i = 0; i < TRAMPOLINES_MAX && space->pages[i]; i++)
		if (overlaps(start, size, space->pages[i], space->pages[i] + PAGE))
			return false;
	return true;
}

long patch_before(struct process *process, uint64_t start, uint64_t size, enum patch_change change)
{
	struct patch_space *space = process->patch;

	if (!space || start & (PAGE - 1) || !size || is_far(space, start, size))
		return 0;
	if (!patch_space_is_mine(space))
		patch_space_lock(space);
	return change_locked(space, start, size, change);
}

void patch_after(struct process *process)
{
	struct patch_space *space = process->patch;

	if (space && patch_space_is_mine(space))
		patch_space_unlock(space);
}

long patch_cpuid_undo(struct process *process)
{
	struct patch_space *space = process->patch;
	long result = 0;

	if (!space || !space->cpuid)
		return 0;
	patch_space_lock(space);
	for (unsigned i = 0; i < SITES_MAX && !result; i++)
		if (space->sites[i].kind == SITE_CPUID && space->sites[i].state == SITE_PATCHED)
			result = site_restore(&space->sites[i]);
	patch_space_unlock(space);
	return result;
}

/* Patched text that is made writable, and trampolines that no longer could be executed. */
static long before_mprotect(struct process *process, const struct registers *r)
{
	if (r->rdx & TULOU_PROT_EXEC && !(r->rdx & TULOU_PROT_WRITE))
		return 0;
	return patch_before(process, r->rdi, r->rsi, r->rdx & TULOU_PROT_WRITE ? PATCH_CHANGE : PATCH_UNMAP);
}

static long before_mremap(struct process *process, const struct registers *r)
{
	long error = patch_before(process, r->rdi, r->rsi, PATCH_CHANGE);

	if (error || !(r->r10 & TULOU_MREMAP_FIXED))
		return error;
	return patch_before(process, r->r8, r->rdx, PATCH_UNMAP);
}

long patch_before_call(struct process *process, unsigned nr, const struct registers *r)
{
	if (!process->patch)
		return 0;
	switch (nr) {
	case __NR_mmap:
		return r->r10 & TULOU_MAP_FIXED ? patch_before(process, r->rdi, r->rsi, PATCH_UNMAP) : 0;
	case __NR_munmap:
	case __NR_madvise:
		return patch_before(process, r->rdi, r->rsi, PATCH_UNMAP);
	case __NR_mprotect:
	case __NR_pkey_mprotect:
		return before_mprotect(process, r);
	case __NR_mremap:
		return before_mremap(process, r);
	default:
		return 0;
	}
}

/* ---- handed on ------------------------------------------------------------------------------------------------------------------ */

struct patch_space *patch_detach(struct process *process)
{
	struct patch_space *space = process->patch;

	if (!space || __atomic_load_n(&space->references, __ATOMIC_ACQUIRE) != 1 || !patch_space_try_lock(space))
		return NULL;
	process->patch = NULL;
	patch_space_unlock(space);
	return space;
}

void patch_attach(struct process *process, struct patch_space *space)
{
	patch_drop(process);
	if (space)
		__atomic_store_n(&process->patch, space, __ATOMIC_RELEASE);
	else if (runtime.patch)
		patch_space_of(process);
}

bool patch_has_trampolines(const struct patch_space *space, uint64_t start, uint64_t end)
{
	for (; space && start < end; start += PAGE) {
		bool found = false;
		for (unsigned i = 0; i < TRAMPOLINES_MAX; i++)
			found |= space->pages[i] == start;
		if (!found)
			return false;
	}
	return space != NULL;
}

uint64_t patch_trampolines_size(const struct patch_space *space)
{
	uint64_t size = 0;

	for (unsigned i = 0; space && i < TRAMPOLINES_MAX; i++)
		size += space->pages[i] ? PAGE : 0;
	return size;
}

bool patch_trampolines_stand(const struct patch_space *space)
{
	for (unsigned i = 0; i < SITES_MAX; i++) {
		const struct patch_site *site = &space->sites[i];
		if (site->state == SITE_PATCHED && !patch_trampoline_stands(site))
			return false;
	}
	return true;
}

bool patch_page_apply(const struct patch_space *space, uint64_t page, uint8_t *bytes)
{
	bool any = false;

	for (unsigned i = 0; i < SITES_MAX; i++) {
		const struct patch_site *site = &space->sites[i];
		uint64_t start = site->state == SITE_PATCHED ? patch_site_start(site) : 0;

		if (start / PAGE != page / PAGE)
			continue;
		patch_jump_bytes(site, start, bytes + (start - page));
		any = true;
	}
	return any;
}

void patch_originals(const struct patch_space *space, uint64_t from, uint8_t *bytes, size_t size)
{
	uint8_t jump[JUMP_SIZE];

	for (unsigned i = 0; space && i < SITES_MAX; i++) {
		const struct patch_site *site = &space->sites[i];
		uint64_t at = site->state == SITE_PATCHED ? patch_site_start(site) - from : size;

		if (at >= size || size - at < JUMP_SIZE)
			continue;
		patch_jump_bytes(site, patch_site_start(site), jump);
		if (memcmp(bytes + at, jump, sizeof jump))
			continue;
		bytes[at] = site->first;
		memcpy(bytes + at + 1, &site->nr, sizeof site->nr);
	}
}

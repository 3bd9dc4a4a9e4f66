/* SPDX-License-Identifier: MIT */
/*
 * patch.h - call sites that are trapped often get a jump in place of their `mov $nr,%eax`; the syscall stays where it is.
 *
 *     text          …│ jmp ─────────┐ │ mov %r9,%rdx │ syscall │ …       a jump to the syscall itself, or to the mov behind
 *                                   ▼                                    the first, is trapped as before
 *     trampoline     │ mov $nr,%eax │ mov %r9,%rdx │ lea behind(%rip),%rcx │ jmp fast_entry │
 *
 * When:   after some traps from one site. What is called a few times only is never changed, nor its page copied.
 * Where:  private mappings of files, executable and not writable, whose page nobody has changed. The site's function is found
 * through the
 *         image's own tables and decoded from its first instruction on (runtime/code); what is not understood is left alone.
 * How:    pages are exchanged, not written in place: the page is moved aside (mremap with MREMAP_DONTUNMAP leaves the mapping), written
 *         there as a debugger writes, and moved back over its place. To other threads that is one step, no page is ever writable and executable, and the mapping is still one of its file: what drops the page (MADV_DONTNEED) brings back the original.
 * Whose:  the trampolines lie in an anonymous page of the process's own, which it sees in its maps. All is copied by fork, shared
 * by
 *         vfork, and gone with exec. What the guest does to such a page (unmap, protect, move) or to patched text (make it
 *         writable, move it) first takes the jumps back (patch_before).
 *
 * Dynamic linkers' cpuid instructions have such jumps too: patch_cpuid.h.
 *
 * A load from a patched site sees the jump (docs/deviations.md).
 */
#ifndef TULOU_RUNTIME_PATCH_H
#define TULOU_RUNTIME_PATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/trap/frame.h"

struct patch_space;
struct process;
struct thread;

/* A trapped call has come, with the registers as at the trap: count it, and patch its site when that pays. */
void patch_notice(struct thread *thread, const struct registers *regs);
/* The context of a signal: when it stands in a trampoline, move it back to the site. */
void patch_settle(const struct process *process, struct registers *regs);

/* What a guest is about to do to a range. */
enum patch_change {
	PATCH_UNMAP, /* its text may go; trampolines there must not be jumped to any more */
	PATCH_CHANGE, /* it will be written to, moved, or made what it was not */
};
/* Take jumps back as far as the change asks for it. 0, or a negative errno: then the change must not be made. From here to
 * patch_after() no other thread patches anything: a page that is being exchanged would come back over what the change put there. */
long patch_before(struct process *process, uint64_t start, uint64_t size, enum patch_change change);
/* The same for a memory call with these registers, which is about to be made. */
long patch_before_call(struct process *process, unsigned nr, const struct registers *regs);
/* The change has been made, or not. */
void patch_after(struct process *process);

/* A vfork child has its parent's VM, and with it the records. */
void patch_share(struct process *parent, struct process *child);
/* The process leaves its VM. */
void patch_drop(struct process *process);
/* After a fork by copy: only this process is left. */
void patch_forget_others(struct process *keep);

/* The VM goes from one process to another (runtime/image), and its records with it. NULL: there are none worth it, or others have
 * them too. */
struct patch_space *patch_detach(struct process *process);
/* The process has the VM now, with these records; NULL: with none yet, but it will want some, as the second of its kind. */
void patch_attach(struct process *process, struct patch_space *space);
/* Nobody's any more. */
void patch_space_drop(struct patch_space *space);
/* Are all pages of [start, end) trampolines? */
bool patch_has_trampolines(const struct patch_space *space, uint64_t start, uint64_t end);
/* Bytes of pages of trampolines. NULL is allowed. */
uint64_t patch_trampolines_size(const struct patch_space *space);
/* Are all trampolines as they were written? */
bool patch_trampolines_stand(const struct patch_space *space);
/* `bytes` is a page as its file has it: put in the jumps that stand in it. False: there are none. */
bool patch_page_apply(const struct patch_space *space, uint64_t page, uint8_t *bytes);
/* `bytes` were read at `from`: put back what stood there where jumps stand. */
void patch_originals(const struct patch_space *space, uint64_t from, uint8_t *bytes, size_t size);

#endif

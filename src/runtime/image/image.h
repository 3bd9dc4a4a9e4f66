/* SPDX-License-Identifier: MIT */
/*
 * image.h - the image cache: what a process leaves behind that the next one of the same program would map again.
 *
 *     exec ──▶ load ─────────────────▶ a set: where program, interpreter and, as that one maps them, libraries lie, piece by piece
 *     exit ──▶ everything else goes, what could be written becomes writable and zero ──▶ shelved (tulou_process_vm_shelve), the set its label
 *     exec of the same files ──▶ unshelved: what could be written is read from the files again, the rest looked at
 *          interpreter maps a library ──▶ it is there: pieces that agree cost no host call
 *
 * What saves is not the calls but the pages: text and data stay resident, with their page tables. Nothing of a process's bytes is
 * left: writable pages of files are read again, the rest is zeroed. A page of text that somebody wrote to (a debugger, a probe,
 * /proc/self/mem, mprotect) is seen by being anonymous and not what our jumps make of the file's; its image is not used. A page
 * that was never copied is the page cache's own, so it follows the file as in a fresh mapping. Who did to an area what a fresh one
 * has not (madvise, mlock, keys, policies), or let the kernel go on with its pages (trap/pinned.c), is not shelved.
 *
 * Libraries lie in the new process's memory before its interpreter has asked for them. That ends with the first trapped call from
 * anywhere but the interpreter: what it has not asked for by then goes. Until then only the interpreter runs, and it looks at none
 * of it.
 *
 * What is handed on has its interpreter's cpuid instructions patched (trap/patch_cpuid.h).
 *
 * Only programs that can lie anywhere: one at a fixed address would keep others from their place. Bounded in number, bytes and age.
 */
#ifndef TULOU_RUNTIME_IMAGE_H
#define TULOU_RUNTIME_IMAGE_H

#include "runtime/elf/program.h"
#include "runtime/trap/frame.h"

struct image_set;
struct process;

/* Fill what `start` is to say of an opened program from a shelved process VM that holds it, its stack built: *place, which was
 * NULL, has it, and the caller the set. NULL: there is none, or it was not fit; nothing has changed. */
struct image_set *images_take(struct program *program, const struct strings *argv, const struct strings *envp, size_t stack_size,
	struct tulou_process_vm **place, struct program_start *start);
/* The program was loaded into `vm` at `start`: the set of its images, the caller's; NULL: it will not be kept. */
struct image_set *images_of(
	struct program *program, struct tulou_process_vm *vm, size_t stack_size, const struct program_start *start);
/* The set is the process's from now on, in place of what it had. NULL is allowed. */
void images_give(struct process *process, struct image_set *set);
/* Nobody's any more; NULL is allowed. */
void images_drop(struct image_set *set);

/* A call has come from the process, which has a set. */
void images_before_call(struct process *process, unsigned nr, const struct registers *regs);
/* mmap(2) of a process that has a set. True: it is done, *result says how. */
bool images_mmap(struct process *process, const struct registers *regs, long *result);

/* The process's last task is about to give back its memory: if it can be kept, the process has none any more. */
void images_shelve(struct process *process);
/* Unmap what is shelved, because memory is short. True: there was some. */
bool images_give_back(void);
/* To be called every few seconds: what was shelved before the last but one call goes. */
void images_trim(void);
/* After a fork by copy: only this process is left. */
void images_forget_others(const struct process *keep);

/* --stats */
void images_print(void);

#endif

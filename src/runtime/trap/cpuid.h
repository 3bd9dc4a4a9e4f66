/* SPDX-License-Identifier: MIT */
/*
 * cpuid.h - answers to the cpuid instruction that are the same on every processor of the machine, asked once for the instance.
 *
 * On a virtual machine cpuid is an exit to the hypervisor, some 4 µs, and a dynamic linker makes forty of them in each process.
 *
 *     site: jmp ─▶ trampoline (patch_trampoline.h): rbx = 1: ─▶ cpuid_answer: eax, ecx looked up ─▶ 1: eax, ebx, ecx, edx; behind the cpuid
 *                                                                                        unknown └▶ 2: the site's own cpuid
 *
 * All of it uses only the four registers that cpuid writes, no flags, no stack, no memory but the table: the guest's state is
 * as the instruction would leave it, whatever its stack and %gs are. A signal that arrives meanwhile finds the context before
 * the cpuid or behind it.
 *
 * Kept are what a list names (cpuid.c); everything else goes to the processor: what has an APIC id in it (1, 0xb, 0x1f,
 * 0x8000001e), what the hypervisor says of itself, and what nobody knows. On hybrid processors, and without a hypervisor,
 * nothing is kept.
 */
#ifndef TULOU_RUNTIME_CPUID_H
#define TULOU_RUNTIME_CPUID_H

/* struct cpuid_known for cpuid.S; cpuid.c asserts them. */
#define KNOWN_EAX   8
#define KNOWN_ECX   12
#define KNOWN_EBX   16
#define KNOWN_COUNT 24
#define KNOWN_SIZE  32
/* From 1: above: to its jump, to 2:. */
#define CPUID_UNPACK  7
#define CPUID_UNKNOWN 12

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include "runtime/trap/frame.h"

/* Ask the processor, the first time. False: nothing may be kept, on this machine or for now. */
bool cpuid_learn(void);
/* Does the context stand in cpuid_answer()? */
bool cpuid_stands_in(const struct registers *regs);
/* Then: where 1: of its trampoline is. */
uint64_t cpuid_return_address(const struct registers *regs);
/* … and move it to the cpuid that stands before `behind`, or behind it with the answer. */
void cpuid_leave(struct registers *regs, uint64_t behind);
/* The same for a context that is `in` bytes behind 1:. */
void cpuid_unpack(struct registers *regs, uint64_t in, uint64_t behind);
/* arch_prctl(ARCH_SET_CPUID, 0) has been allowed to a guest: tasks may fault by it. */
void cpuid_may_fault(void);
/* The task begins a program: cpuid is allowed, as execve(2) has it. */
void cpuid_allow(void);
/* --stats */
void cpuid_print(void);

/* cpuid.S */
void cpuid_answer(void), cpuid_search(void), cpuid_unknown(void), cpuid_unknown_leave(void), cpuid_found(void),
	cpuid_packed(void), cpuid_end(void);
#endif
#endif

/* SPDX-License-Identifier: MIT */
#include "runtime/trap/cpuid.h"

#include <asm/prctl.h>
#include <stddef.h>

#include "base/format.h"
#include "host/linux/syscall.h"
#include "runtime/message.h"

enum { LEARN_NOTHING, LEARN_BUSY, LEARN_DONE, LEARN_NEVER };
enum { DESCRIPTORS = 2, CACHES = 4, FEATURES = 7, XSAVE = 0xd, TRACE = 0x14, KEY_LOCKER = 0x19 };
enum { CACHES_MOST = 8, FEATURES_MOST = 3, XSAVE_MOST = 8 }; /* sub-leaves */
enum { LEAVES_MAX = 8, SUBLEAVES_MAX = 2 * CACHES_MOST + FEATURES_MOST + XSAVE_MOST + 2, LINE_SIZE = 80 };
#define EXTENDED          0x80000000u
#define EXTENDED_CACHES   0x8000001du
#define EXTENDED_TOPOLOGY 0x80000026u
#define HYBRID            (1u << 15) /* of leaf 7, edx */
#define HETEROGENEOUS     (1u << 30) /* of leaf 0x80000026, eax */
#define HYPERVISOR        (1u << 31) /* of leaf 1, ecx */
#define CACHE_TYPE        0x1fu

struct answer {
	uint32_t eax, ebx, ecx, edx;
};

struct cpuid_known {
	uint64_t key; /* ~(leaf + bswap64(sub-leaf)), or ~leaf in its lower half; 0: the end */
	uint32_t eax, ecx;
	uint32_t ebx, edx;
	uint64_t count; /* of answers */
};

_Static_assert(offsetof(struct cpuid_known, eax) == KNOWN_EAX && offsetof(struct cpuid_known, ecx) == KNOWN_ECX, "cpuid.S");
_Static_assert(offsetof(struct cpuid_known, ebx) == KNOWN_EBX && offsetof(struct cpuid_known, count) == KNOWN_COUNT, "cpuid.S");
_Static_assert(sizeof(struct cpuid_known) == KNOWN_SIZE, "cpuid.S");

/* One more stays 0. Written before `state` says so, and then but for counts never again. */
struct cpuid_known cpuid_leaves[LEAVES_MAX + 1], cpuid_subleaves[SUBLEAVES_MAX + 1];
static uint32_t state; /* LEARN_*; atomic */
static bool may_fault;

/* ---- asking the processor -------------------------------------------------------------------------------------------------- */

static struct answer ask(uint32_t leaf, uint32_t subleaf)
{
	struct answer a;
	__asm__ volatile("cpuid" : "=a"(a.eax), "=b"(a.ebx), "=c"(a.ecx), "=d"(a.edx) : "a"(leaf), "c"(subleaf));
	return a;
}

static struct answer keep(struct cpuid_known *table, unsigned most, uint64_t key, struct answer a)
{
	for (unsigned i = 0; i < most; i++) {
		if (table[i].key)
			continue;
		table[i] = (struct cpuid_known){.key = ~key, .eax = a.eax, .ebx = a.ebx, .ecx = a.ecx, .edx = a.edx};
		break;
	}
	return a;
}

/* A leaf that has no sub-leaves: what ecx holds is nothing to it. */
static struct answer keep_leaf(uint32_t leaf)
{
	return keep(cpuid_leaves, LEAVES_MAX, leaf, ask(leaf, 0));
}

static struct answer keep_subleaf(uint32_t leaf, uint32_t subleaf)
{
	return keep(cpuid_subleaves, SUBLEAVES_MAX, leaf + __builtin_bswap64(subleaf), ask(leaf, subleaf));
}

/* One sub-leaf for each cache, up to one that is none. */
static void keep_caches(uint32_t leaf)
{
	for (uint32_t i = 0; i < CACHES_MOST; i++)
		if (!(keep_subleaf(leaf, i).eax & CACHE_TYPE))
			return;
}

/* Processors that differ from each other. */
static bool is_hybrid(uint32_t features_edx, uint32_t most_extended)
{
	return features_edx & HYBRID || (most_extended >= EXTENDED_TOPOLOGY && ask(EXTENDED_TOPOLOGY, 0).eax & HETEROGENEOUS);
}

/* What dynamic linkers ask. Not leaf 1, in which is the processor's APIC id. What depends on control registers (0xd, OSPKE of
 * 7) depends on what Linux sets on each processor once; what a thread must ask for (AMX) is switched elsewhere. */
static void keep_basic(uint32_t most, uint32_t last_features)
{
	keep_leaf(0);
	for (uint32_t i = 0; most >= FEATURES && i <= last_features && i < FEATURES_MOST; i++)
		keep_subleaf(FEATURES, i);
	for (uint32_t i = 0; most >= XSAVE && i < XSAVE_MOST; i++)
		keep_subleaf(XSAVE, i);
	if (most >= TRACE)
		keep_subleaf(TRACE, 0);
	if (most >= KEY_LOCKER)
		keep_subleaf(KEY_LOCKER, 0);
	if (most >= DESCRIPTORS && keep_leaf(DESCRIPTORS).eax) /* else it tells its caches elsewhere */
		keep_caches(CACHES);
}

/* Most often asked first. */
static void keep_extended(uint32_t most)
{
	static const uint8_t order[] = {0, 6, 5, 8, 1, 7};

	for (unsigned i = 0; i < sizeof order; i++)
		if (EXTENDED + order[i] <= most)
			keep_leaf(EXTENDED + order[i]);
	if (most >= EXTENDED_CACHES)
		keep_caches(EXTENDED_CACHES);
}

bool cpuid_learn(void)
{
	uint32_t seen = LEARN_NOTHING, most, most_extended;
	struct answer features = {0};

	if (__atomic_load_n(&may_fault, __ATOMIC_RELAXED))
		return false;
	if (!__atomic_compare_exchange_n(&state, &seen, LEARN_BUSY, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return seen == LEARN_DONE;
	most = ask(0, 0).eax;
	most_extended = ask(EXTENDED, 0).eax;
	if (most >= FEATURES)
		features = ask(FEATURES, 0);
	/* A real processor answers by itself, in less time than copied pages of text cost. */
	if (!(ask(1, 0).ecx & HYPERVISOR) || is_hybrid(features.edx, most_extended)) {
		__atomic_store_n(&state, LEARN_NEVER, __ATOMIC_RELEASE);
		return false;
	}
	if (most_extended > EXTENDED)
		keep_extended(most_extended);
	keep_basic(most, features.eax);
	__atomic_store_n(&state, LEARN_DONE, __ATOMIC_RELEASE);
	return true;
}

/* ---- contexts -------------------------------------------------------------------------------------------------------------- */

bool cpuid_stands_in(const struct registers *regs)
{
	return regs->rip >= (uint64_t)cpuid_answer && regs->rip < (uint64_t)cpuid_end;
}

uint64_t cpuid_return_address(const struct registers *regs)
{
	return regs->rbx - (regs->rip == (uint64_t)cpuid_unknown_leave ? CPUID_UNKNOWN : 0);
}

void cpuid_leave(struct registers *regs, uint64_t behind)
{
	if (regs->rip >= (uint64_t)cpuid_packed) {
		cpuid_unpack(regs, 0, behind);
	} else if (regs->rip >= (uint64_t)cpuid_found) {
		const struct cpuid_known *known = (const struct cpuid_known *)regs->rdx;
		regs->rax = known->eax;
		regs->rcx = known->ecx;
		regs->rdx = known->ebx | (uint64_t)known->edx << 32;
		cpuid_unpack(regs, 0, behind);
	} else {
		if (regs->rip >= (uint64_t)cpuid_search)
			regs->rcx = (uint32_t)__builtin_bswap64(regs->rax);
		regs->rax = (uint32_t)regs->rax;
		regs->rip = behind - 2;
	}
}

/* mov %edx, %ebx (2 bytes); bswap %rdx (3); bswap %edx (2); jmp */
void cpuid_unpack(struct registers *regs, uint64_t in, uint64_t behind)
{
	if (in < CPUID_UNPACK) {
		uint64_t packed = in < 5 ? regs->rdx : __builtin_bswap64(regs->rdx);
		regs->rbx = (uint32_t)packed;
		regs->rdx = packed >> 32;
	}
	regs->rip = behind;
}

/* ---- cpuid that faults ----------------------------------------------------------------------------------------------------- */

void cpuid_may_fault(void)
{
	__atomic_store_n(&may_fault, true, __ATOMIC_RELAXED);
}

void cpuid_allow(void)
{
	if (__atomic_load_n(&may_fault, __ATOMIC_RELAXED))
		sys2(__NR_arch_prctl, ARCH_SET_CPUID, 1);
}

/* ---- statistics ------------------------------------------------------------------------------------------------------------ */

void cpuid_print(void)
{
	char text[LINE_SIZE];
	unsigned long count = 0;

	for (const struct cpuid_known *k = cpuid_leaves; k->key; k++)
		count += k->count;
	for (const struct cpuid_known *k = cpuid_subleaves; k->key; k++)
		count += k->count;
	if (state == LEARN_DONE)
		write_all(2, text, format(text, sizeof text, "cpuid: %lu answered without the processor\n", count));
}

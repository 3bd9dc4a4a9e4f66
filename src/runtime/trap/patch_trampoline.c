/* SPDX-License-Identifier: MIT */
#include "runtime/trap/patch_trampoline.h"

#include "base/mem.h"
#include "base/page.h"
#include "runtime/layout.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/fast.h"
#include "runtime/user.h"

enum { JUMP = 0xe9, BREAK = 0xcc, POINTER_AT = 56, PAGE = TULOU_PAGE_SIZE, SLOTS = PAGE / TRAMPOLINE_SIZE };
/* Sizes of instructions below. */
enum { LEA_SIZE = 7, JUMP_POINTER_SIZE = 6, CALL_SIZE = LEA_SIZE + JUMP_POINTER_SIZE };
/* Where to look for places of trampolines: the manager's chunks, and some room for what else lies at their ends. */
#define CHUNK (32ul << 20)
#define ROOM  (64ul << 10)
/* Below ±2 GiB, by more than an instruction. */
#define REACH 0x7fff0000l

_Static_assert(CODE_CPUID_PIECE_MAX + CALL_SIZE + CPUID_UNKNOWN + JUMP_SIZE <= POINTER_AT, "cpuid");
_Static_assert(CODE_PIECE_MAX + CALL_SIZE <= POINTER_AT, "syscall");

bool patch_in_reach(uint64_t a, uint64_t b)
{
	int64_t distance = (int64_t)(a - b);
	return distance < REACH && distance > -REACH;
}

/* ---- the site -------------------------------------------------------------------------------------------------------------- */

static uint8_t *put_relative(uint8_t *at, uint64_t address_behind, uint64_t target)
{
	int32_t distance = (int32_t)(int64_t)(target - address_behind);
	memcpy(at, &distance, sizeof distance);
	return at + sizeof distance;
}

static uint8_t *put_jump(uint8_t *at, uint64_t address, uint64_t target)
{
	*at = JUMP;
	return put_relative(at + 1, address + JUMP_SIZE, target);
}

void patch_jump_bytes(const struct patch_site *site, uint64_t start, uint8_t out[JUMP_SIZE])
{
	put_jump(out, start, site->trampoline);
}

uint64_t patch_site_start(const struct patch_site *site)
{
	return site->at - SYSCALL_LENGTH - site->length;
}

bool patch_site_stands(const struct patch_site *site)
{
	uint8_t expected[JUMP_SIZE], found[JUMP_SIZE];

	patch_jump_bytes(site, patch_site_start(site), expected);
	return user_read(found, patch_site_start(site), sizeof found) == 0 && !memcmp(found, expected, sizeof found);
}

/* ---- places ---------------------------------------------------------------------------------------------------------------- */

/* An executable page of the process within reach of its text, where nothing else would come to lie: a guest may rely on a hole
 * that it made. At the end of the text's chunk, which is filled from its start; for a program linked at a fixed address, whose
 * heap grows behind it, below. */
static uint64_t page_make(struct tulou_process_vm *vm, const struct text *text)
{
	const uint64_t chunk_end = (text->end | (CHUNK - 1)) + 1;
	const uint64_t places[] = {text->start < PLACEMENT_START ? text->start - 32 * ROOM : chunk_end - ROOM,
		text->start - 16 * CHUNK - ROOM, text->start - 24 * CHUNK - ROOM, chunk_end + 16 * CHUNK - ROOM,
		chunk_end + 24 * CHUNK - ROOM};
	const int flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_FIXED_NOREPLACE;

	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		uint64_t place = page_down(places[i]);
		long at = tulou_mmap(vm, place, PAGE, TULOU_PROT_READ | TULOU_PROT_EXEC, flags, -1, 0);
		if (at < 0)
			continue;
		if (patch_in_reach(place, text->start) && patch_in_reach(place, text->end))
			return place;
		tulou_munmap(vm, place, PAGE);
	}
	return 0;
}

uint64_t patch_trampoline_claim(struct patch_space *space, struct tulou_process_vm *vm, const struct text *text, unsigned count)
{
	for (unsigned i = 0; i < TRAMPOLINES_MAX; i++) {
		if (!space->pages[i]) {
			space->pages[i] = page_make(vm, text);
			space->used[i] = 0;
		}
		if (!space->pages[i])
			return 0;
		if (space->used[i] + count <= SLOTS && patch_in_reach(space->pages[i], text->start) &&
			patch_in_reach(space->pages[i], text->end)) {
			space->used[i] += count;
			return space->pages[i] + TRAMPOLINE_SIZE * (space->used[i] - count);
		}
	}
	return 0;
}

/* ---- code ------------------------------------------------------------------------------------------------------------------ */

static uint32_t sum_of(const void *trampoline)
{
	const uint64_t *words = trampoline;
	uint64_t sum = 0;

	for (unsigned i = 0; i < TRAMPOLINE_SIZE / sizeof *words; i++)
		sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15ul;
	return (uint32_t)(sum >> 32);
}

/* lea `target`(%rip), a register; jmp *pointer(%rip) */
static uint8_t *put_call(uint8_t *at, uint64_t address, const char lea[3], uint64_t target, uint64_t pointer)
{
	memcpy(at, lea, 3);
	at = put_relative(at + 3, address + LEA_SIZE, target);
	memcpy(at, "\xff\x25", 2);
	return put_relative(at + 2, address + CALL_SIZE, pointer);
}

/* What cpuid_answer comes back to: ebx and edx are both in rdx, the latter above. */
static void put_cpuid_return(uint8_t *at, uint64_t address, uint64_t behind)
{
	memcpy(at,
		"\x89\xd3" /* mov %edx, %ebx */
		"\x48\x0f\xca" /* bswap %rdx */
		"\x0f\xca", /* bswap %edx */
		CPUID_UNPACK);
	put_jump(at + CPUID_UNPACK, address + CPUID_UNPACK, behind);
	put_jump(at + CPUID_UNKNOWN, address + CPUID_UNKNOWN, behind - CODE_CPUID_SIZE);
}

bool patch_trampoline_make(struct patch_site *site, const struct code_piece *piece, const uint8_t *bytes, uint64_t start,
	uint8_t code[TRAMPOLINE_SIZE])
{
	uint8_t *at = code + piece->length;
	uint64_t to = site->trampoline, after = to + piece->length, pointer = to + POINTER_AT, entry;

	memset(code, BREAK, TRAMPOLINE_SIZE);
	if (!code_piece_move(piece, bytes, start, code, to))
		return false;
	if (site->kind == SITE_CPUID) {
		entry = (uint64_t)cpuid_answer;
		at = put_call(at, after, "\x48\x8d\x1d" /* lea, %rbx */, after + CALL_SIZE, pointer);
		put_cpuid_return(at, after + CALL_SIZE, site->at);
	} else {
		entry = (uint64_t)fast_entry;
		put_call(at, after, "\x48\x8d\x0d" /* lea, %rcx */, site->at, pointer);
	}
	memcpy(code + POINTER_AT, &entry, sizeof entry);
	site->sum = sum_of(code);
	return true;
}

bool patch_trampoline_stands(const struct patch_site *site)
{
	return site->sum == sum_of((const void *)site->trampoline);
}

/* ---- contexts -------------------------------------------------------------------------------------------------------------- */

void patch_trampoline_leave(const struct patch_site *site, struct registers *regs)
{
	uint64_t in = regs->rip - site->trampoline, answered = site->length + CALL_SIZE;

	if (site->kind == SITE_CPUID && in >= answered && in < answered + CPUID_UNKNOWN)
		cpuid_unpack(regs, in - answered, site->at);
	else /* what is under the jump is begun again; each of the others stands in the site too, and then the syscall or cpuid */
		regs->rip = patch_site_start(site) + (in < JUMP_SIZE ? 0 : in < site->length ? in : site->length);
}

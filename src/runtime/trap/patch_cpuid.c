/* SPDX-License-Identifier: MIT */
#include "runtime/trap/patch_cpuid.h"

#include "base/mem.h"
#include "base/page.h"
#include "runtime/code/function.h"
#include "runtime/trap/patch_pages.h"
#include "runtime/trap/patch_trampoline.h"
#include "runtime/user.h"

enum { PAGE = TULOU_PAGE_SIZE, AT_ONCE = 2 * PAGE, BREAK = 0xcc };

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

/* The last page that was read: what is looked up lies close together. */
struct window {
	uint64_t page;
	bool full;
	uint8_t bytes[PAGE];
};

static bool window_move(struct window *window, uint64_t page)
{
	if (window->full && window->page == page)
		return true;
	window->page = page;
	window->full = user_read(window->bytes, page, PAGE) == 0;
	return window->full;
}

static bool window_read(void *arg, void *to, uint64_t from, size_t size)
{
	struct window *window = arg;

	for (size_t part; size; to = (char *)to + part, from += part, size -= part) {
		uint64_t in = from & (PAGE - 1);
		part = size < PAGE - in ? size : PAGE - in;
		if (!window_move(window, from - in))
			return false;
		memcpy(to, window->bytes + in, part);
	}
	return true;
}

/* ---- finding --------------------------------------------------------------------------------------------------------------- */

struct hunt {
	const struct text *text;
	const struct patch_space *space;
	struct window window; /* of tables */
	uint64_t done; /* functions up to here were decoded */
	struct cpuid_sites *out;
};

static void add(struct hunt *h, const uint8_t *code, uint64_t start, const struct code_piece *piece)
{
	struct cpuid_sites *out = h->out;
	uint64_t at = start + piece->start;
	unsigned i = out->count;

	if (page_down(at) != page_down(at + JUMP_SIZE - 1))
		return;
	for (; i && out->sites[i - 1].offset > at - h->text->start + h->text->offset; i--)
		out->sites[i] = out->sites[i - 1];
	out->sites[i] = (struct cpuid_site){.offset = at - h->text->start + h->text->offset, .piece = *piece};
	memcpy(out->sites[i].bytes, code + piece->start, piece->length);
	out->count++;
}

static void look_at_function(struct hunt *h, uint64_t at)
{
	const struct code_reader reader = {window_read, &h->window};
	struct code_piece pieces[CPUID_SITES_MAX];
	struct code_function function;
	uint8_t code[CODE_FUNCTION_MAX];
	size_t size;
	unsigned count;

	if (!code_function_find(&reader, NULL, h->text->start, h->text->offset, at, &function) ||
		function.start < h->text->start || function.start + function.size > h->text->end)
		return;
	h->done = function.start + function.size;
	size = function.size < sizeof code ? function.size : sizeof code;
	if (user_read(code, function.start, size) < 0)
		return;
	patch_originals(h->space, function.start, code, size);
	count = code_cpuid_find(code, size, size == function.size, pieces, CPUID_SITES_MAX - h->out->count);
	for (unsigned i = 0; i < count; i++)
		add(h, code, function.start, &pieces[i]);
}

/* Is a byte of it 0? */
static bool has_zero(uint64_t word)
{
	return (word - 0x0101010101010101ul) & ~word & 0x8080808080808080ul;
}

/* `words` stand at `at`; one more behind them is there too. */
static void look_at_words(struct hunt *h, uint64_t at, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t next = words[i] >> 8 | words[i + 1] << 56; /* for each byte, the one behind it */
		uint64_t differs = (words[i] ^ 0x0f0f0f0f0f0f0f0ful) | (next ^ 0xa2a2a2a2a2a2a2a2ul);

		for (unsigned k = 0; has_zero(differs) && k < sizeof next; k++)
			if (!(differs >> 8 * k & 0xff) && at + i * sizeof next + k >= h->done)
				look_at_function(h, at + i * sizeof next + k);
	}
}

void patch_cpuid_find(const struct text *text, const struct patch_space *space, struct cpuid_sites *out)
{
	struct hunt hunt;
	uint64_t words[AT_ONCE / sizeof(uint64_t) + 1];

	hunt.text = text;
	hunt.space = space;
	hunt.window.full = false;
	hunt.done = 0;
	hunt.out = out;
	out->count = 0;
	for (uint64_t at = text->start; at < text->end; at += AT_ONCE) {
		size_t left = text->end - at, size = left < AT_ONCE ? left : AT_ONCE;

		words[size / sizeof *words] = 0;
		if (user_read(words, at, left > size ? size + sizeof *words : size) < 0)
			return;
		look_at_words(&hunt, at, words, size / sizeof *words);
	}
}

/* ---- patching -------------------------------------------------------------------------------------------------------------- */

struct patching {
	struct patch_space *space;
	const struct text *text;
	const struct cpuid_sites *sites;
	struct patch_site *made[CPUID_SITES_MAX]; /* with a trampoline; NULL: left */
	uint8_t page[PAGE];
};

static uint64_t address_of(const struct patching *p, unsigned i)
{
	return p->text->start + (p->sites->sites[i].offset - p->text->offset);
}

/* A record for site number `i`, whose trampoline goes to `to`. */
static struct patch_site *record(const struct patching *p, unsigned i, uint64_t to)
{
	const struct cpuid_site *s = &p->sites->sites[i];
	uint64_t behind = address_of(p, i) + s->piece.length + CODE_CPUID_SIZE;
	struct patch_site *site = patch_site_of(p->space, behind);

	if (!site || site->state != SITE_FREE)
		return NULL;
	site->kind = SITE_CPUID;
	site->trampoline = to;
	site->length = (uint8_t)s->piece.length;
	site->prot = (uint8_t)p->text->prot;
	site->first = s->bytes[0];
	memcpy(&site->nr, s->bytes + 1, sizeof site->nr);
	return site;
}

/* All trampolines side by side, written at once. */
static bool put_trampolines(struct patching *p, struct tulou_process_vm *vm)
{
	uint64_t first = patch_trampoline_claim(p->space, vm, p->text, p->sites->count), in = first & (PAGE - 1);
	bool fresh = !in;

	if (!first)
		return false;
	memset(p->page, BREAK, sizeof p->page);
	for (unsigned i = 0; i < p->sites->count; i++) {
		const struct cpuid_site *s = &p->sites->sites[i];
		uint64_t at = in + i * TRAMPOLINE_SIZE;

		p->made[i] = record(p, i, first + i * TRAMPOLINE_SIZE);
		if (p->made[i] && !patch_trampoline_make(p->made[i], &s->piece, s->bytes, address_of(p, i), p->page + at))
			p->made[i] = NULL;
	}
	return patch_quiet(first, p->page + in, fresh ? PAGE : p->sites->count * TRAMPOLINE_SIZE) == 0;
}

/* The jumps in the page of site number `i`; returns the first one of the next page. */
static unsigned put_page(struct patching *p, unsigned i)
{
	const uint64_t page = page_down(address_of(p, i));
	bool good = user_read(p->page, page, PAGE) == 0;
	unsigned next = i;

	for (; next < p->sites->count && page_down(address_of(p, next)) == page; next++) {
		uint64_t at = address_of(p, next), in = at - page;
		const struct cpuid_site *site = &p->sites->sites[next];
		uint8_t jump[JUMP_SIZE];
		size_t here = site->piece.length < PAGE - in ? site->piece.length : PAGE - in;

		if (!p->made[next] || memcmp(p->page + in, site->bytes, here)) {
			p->made[next] = NULL;
			continue;
		}
		patch_jump_bytes(p->made[next], at, jump);
		memcpy(p->page + in, jump, sizeof jump);
	}
	good = good && patch_quiet(page, p->page, PAGE) == 0;
	for (; i < next; i++)
		if (good && p->made[i])
			p->made[i]->state = SITE_PATCHED;
	return next;
}

static void bounds_note(struct patch_space *space, const struct text *text)
{
	if (!space->high || text->start < space->low)
		space->low = text->start;
	if (text->end > space->high)
		space->high = text->end;
}

void patch_cpuid(struct tulou_process_vm *vm, struct patch_space *space, const struct text *text, const struct cpuid_sites *sites)
{
	struct patching p = {.space = space, .text = text, .sites = sites};

	space->cpuid = true;
	if (!sites->count || !put_trampolines(&p, vm))
		return;
	bounds_note(space, text);
	for (unsigned i = 0; i < sites->count;)
		i = put_page(&p, i);
}

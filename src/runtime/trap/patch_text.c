/* SPDX-License-Identifier: MIT */
#include "runtime/trap/patch_text.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <tulou/inspect.h>

#include "base/mem.h"
#include "runtime/code/function.h"
#include "runtime/trap/patch.h"
#include "runtime/user.h"

enum { LEARNED_NOTHING, LEARNED_BUSY, LEARNED_DONE, LEARNED_MAX = 256, PAGE = TULOU_PAGE_SIZE };
/* Of an entry of /proc/self/pagemap: a page of a file, or of shared memory. */
#define PAGEMAP_FILE (1ull << 61)

static int text_visit(void *arg, const struct tulou_area_info *area)
{
	struct text *text = arg;

	if (text->address < area->start)
		return 1;
	if (text->address >= area->end)
		return 0;
	/* Locked text: moving a page out of it would unlock it. */
	text->found = area->kind == TULOU_AREA_MMAP && !(area->flags & TULOU_MAP_LOCKED) && area->prot & TULOU_PROT_EXEC &&
		      !(area->prot & TULOU_PROT_WRITE) && area->flags & TULOU_MAP_PRIVATE && !(area->flags & TULOU_MAP_ANONYMOUS);
	text->start = area->start;
	text->end = area->end;
	text->offset = area->offset;
	text->dev = area->dev;
	text->ino = area->ino;
	text->prot = area->prot;
	return 1;
}

bool text_find(struct process *process, uint64_t address, struct text *text)
{
	*text = (struct text){.address = address};
	tulou_walk_process(process->vm, text_visit, text);
	return text->found;
}

bool text_page_is_files(uint64_t at)
{
	uint64_t entry = 0;
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return false;
	sys4(__NR_pread64, fd, (long)&entry, sizeof entry, (long)(at / PAGE * sizeof entry));
	sys1(__NR_close, fd);
	return entry & PAGEMAP_FILE;
}

static bool read_guest(void *arg, void *to, uint64_t from, size_t size)
{
	(void)arg;
	return user_read(to, from, size) == 0;
}

/* The program's own file, when the text is its. It is open for this one moment. */
struct program_file {
	const struct process *process;
	const struct text *text;
	long fd; /* negative: not open */
	bool tried;
};

static bool read_file(void *arg, void *to, uint64_t from, size_t size)
{
	struct program_file *file = arg;

	if (!file->tried) {
		struct stat about;
		file->tried = true;
		file->fd =
			sys4(__NR_openat, AT_FDCWD, (long)file->process->exe, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
		if (file->fd >= 0 && (sys2(__NR_fstat, file->fd, (long)&about) < 0 || about.st_ino != file->text->ino))
			return false;
	}
	return file->fd >= 0 && sys4(__NR_pread64, file->fd, (long)to, (long)size, (long)from) == (long)size;
}

static bool function_find(
	const struct process *process, const struct text *text, uint64_t address, struct code_function *function)
{
	struct program_file program = {.process = process, .text = text, .fd = -1};
	const struct code_reader reader = {read_guest, NULL}, file = {read_file, &program};
	bool found = code_function_find(&reader, &file, text->start, text->offset, address, function);

	if (program.fd >= 0)
		sys1(__NR_close, program.fd);
	return found && function->start >= text->start;
}

/* The piece before the syscall at `address`, and its bytes. */
static enum fall_back piece_decode(const struct process *process, const struct text *text, uint64_t address, uint32_t nr,
	struct code_piece *piece, uint64_t *start, uint8_t bytes[CODE_PIECE_MAX])
{
	uint8_t code[CODE_FUNCTION_MAX];
	struct code_function function;
	enum code_result result;

	if (!function_find(process, text, address, &function))
		return FALL_NO_FUNCTION;
	if (function.size > sizeof code)
		function.size = sizeof code;
	if (function.start + function.size > text->end || user_read(code, function.start, function.size) < 0)
		return FALL_NO_FUNCTION;
	patch_originals(process->patch, function.start, code, function.size);
	result = code_piece_find(code, function.size, address - function.start, nr, piece);
	if (result == CODE_OK) {
		*start = function.start + piece->start;
		memcpy(bytes, code + piece->start, piece->length);
		return FALL_BACKS;
	}
	return result == CODE_NO_DECODER ? FALL_NO_DECODER : result == CODE_FORM ? FALL_FORM : FALL_NO_FUNCTION;
}

/* What was found in one process holds for the next that maps the same file: decoded once for the instance. An entry is written
 * once. */
static struct learned {
	uint32_t state; /* LEARNED_*; atomic */
	uint32_t nr;
	uint64_t dev, ino, offset; /* of the syscall, in the file */
	struct code_piece piece;
	uint8_t bytes[CODE_PIECE_MAX];
} learned[LEARNED_MAX] LARGE_ZEROS;

static struct learned *learned_at(const struct text *text, uint64_t address)
{
	uint64_t key = (address - text->start + text->offset) * 31 + text->ino;
	return &learned[key * 2654435761u / 65536 % LEARNED_MAX];
}

static bool piece_known(const struct text *text, uint64_t address, uint32_t nr, struct code_piece *piece, uint64_t *start,
	uint8_t bytes[CODE_PIECE_MAX])
{
	const struct learned *l = learned_at(text, address);

	if (__atomic_load_n(&l->state, __ATOMIC_ACQUIRE) != LEARNED_DONE || l->nr != nr || l->dev != text->dev ||
		l->ino != text->ino || l->offset != address - text->start + text->offset)
		return false;
	*piece = l->piece;
	*start = address - piece->length;
	return user_read(bytes, *start, piece->length) == 0 && !memcmp(bytes, l->bytes, piece->length);
}

static void piece_learn(
	const struct text *text, uint64_t address, uint32_t nr, const struct code_piece *piece, const uint8_t *bytes)
{
	struct learned *l = learned_at(text, address);
	uint32_t none = LEARNED_NOTHING;

	if (!__atomic_compare_exchange_n(&l->state, &none, LEARNED_BUSY, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	l->nr = nr;
	l->dev = text->dev;
	l->ino = text->ino;
	l->offset = address - text->start + text->offset;
	l->piece = *piece;
	memcpy(l->bytes, bytes, piece->length);
	__atomic_store_n(&l->state, LEARNED_DONE, __ATOMIC_RELEASE);
}

enum fall_back text_piece_find(const struct process *process, const struct text *text, uint64_t address, uint32_t nr,
	struct code_piece *piece, uint64_t *start, uint8_t bytes[CODE_PIECE_MAX])
{
	enum fall_back why;

	if (piece_known(text, address, nr, piece, start, bytes))
		return FALL_BACKS;
	why = piece_decode(process, text, address, nr, piece, start, bytes);
	if (why == FALL_BACKS)
		piece_learn(text, address, nr, piece, bytes);
	return why;
}

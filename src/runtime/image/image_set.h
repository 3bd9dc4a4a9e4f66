/* SPDX-License-Identifier: MIT */
/*
 * image_set.h - the records of one process's images. A slot of 8 KiB each in an arena of the runtime.
 *
 *     holder:   FREE ──▶ a task's token ──▶ HELD by a process ──▶ SHELVED with its process VM ──▶ a task's token …
 *
 * A token of a dead task is as good as FREE. (Who is killed between two words leaves a slot that nobody uses again, no more.)
 * Written only by who holds it.
 */
#ifndef TULOU_RUNTIME_IMAGE_SET_H
#define TULOU_RUNTIME_IMAGE_SET_H

#include "runtime/image/image.h"
#include "runtime/process/process.h"

enum { IMAGES_MAX = 12, PIECES_MAX = 8, SET_PROGRAM = 0, SET_INTERPRETER = 1 };
#define IMAGE_SET_SLOT 8192ul
#define SET_FREE       0u
#define SET_HELD       0x40000000u
#define SET_SHELVED    0x40000001u

/* Which file, and as it was when. */
struct file_key {
	uint64_t dev, ino, size;
	uint64_t mtime, mtime_nsec, ctime, ctime_nsec;
};

/* As it was mapped. */
struct image_piece {
	uint64_t start, end, offset;
	uint8_t prot;
	bool file; /* else anonymous */
	bool narrowed; /* found with less access than it was mapped with: RELRO */
};

enum image_state {
	IMAGE_MAPPED, /* the process's own */
	IMAGE_HIDDEN, /* in its memory, but not asked for yet */
	IMAGE_CLAIMED, /* was hidden: pieces that agree are there */
	IMAGE_BROKEN, /* not as it was mapped: goes at the end */
};

struct image {
	struct file_key key;
	uint64_t start, end;
	uint64_t seen; /* bytes of pieces that a look at the areas found */
	uint8_t state; /* enum image_state */
	uint8_t count; /* of pieces; 0: not looked at yet */
	struct image_piece pieces[PIECES_MAX];
};

struct image_set {
	uint32_t holder; /* atomic */
	uint32_t tick; /* of images_trim() when it was shelved */
	bool again; /* it was shelved before */
	bool starting; /* nobody but the interpreter has made a call */
	uint32_t count;
	struct patch_space *patch; /* of the VM, while no process has it; NULL: none */
	size_t stack_size; /* what the stack may grow to: exec_stack_size() */
	struct program_start start;
	struct image images[IMAGES_MAX]; /* the program, its interpreter if it has one, libraries */
};

_Static_assert(sizeof(struct image_set) <= IMAGE_SET_SLOT, "slot");

/* A zeroed set, the calling task's; NULL: no memory. */
struct image_set *image_set_claim(void);
/* False: not a file that can be told again. */
bool file_key_of(int fd, struct file_key *key);
/* It was not changed just now: who writes again within the same tick of the clock leaves the same times. */
bool file_key_settled(const struct file_key *key);
bool file_key_equal(const struct file_key *a, const struct file_key *b);
/* The image that has `at`, or NULL. */
struct image *image_at(struct image_set *set, uint64_t at);
/* Note the pieces of images that were not looked at yet. */
void image_pieces_find(struct image_set *set, struct tulou_process_vm *vm);
/* Zeros in private anonymous memory that can be written; what is resident stays so, as far as that is not too much. */
void image_zero(uint64_t start, uint64_t end);
/* Are all pages of text and constants their file's still, but for the jumps of `patch` (NULL: none)? `fd`: the file. False also
 * when nobody can tell. */
bool image_verify(const struct image *image, int fd, const struct patch_space *patch);

/* Nothing runs in the VM yet, which holds the set's program and interpreter: have the interpreter's cpuid instructions answered
 * without the processor, when that has been started often enough. */
void image_cpuid(struct image_set *set, struct tulou_process_vm *vm);
/* The start of the process is over: what its interpreter has not asked for goes. */
void images_settle(struct process *process);
/* One that was shelved has been taken. */
void image_unshelved(void);
/* Nothing is on the shelf. */
void image_shelf_forget(void);

/* For the statistics. */
enum image_event { IMAGE_HIT, IMAGE_MISS, IMAGE_LIBRARY_HIT, IMAGE_LIBRARY_MISS, IMAGE_SHELVE, IMAGE_UNFIT, IMAGE_EVENTS };
void image_count(enum image_event event);

#endif

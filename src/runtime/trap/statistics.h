/* SPDX-License-Identifier: MIT */
/*
 * statistics.h - how guests' calls came in: from patched sites, or trapped, and then why (`tulou run --stats`).
 */
#ifndef TULOU_RUNTIME_STATISTICS_H
#define TULOU_RUNTIME_STATISTICS_H

#include <stdint.h>

enum fall_back {
	FALL_OFF, /* --no-patch, or no rdgsbase */
	FALL_CALL, /* a call that is always trapped */
	FALL_COLD, /* the site was not called often enough yet */
	FALL_GS, /* the guest has %gs */
	FALL_REFUSED, /* patched, but this call needed the trap, or came to the syscall another way */
	FALL_NO_FILE, /* code that is not a private mapping of a file, or was changed */
	FALL_NO_FUNCTION, /* nothing says where its function begins */
	FALL_FORM, /* no `mov $nr,%eax` before the syscall, or what stands between cannot be moved */
	FALL_NO_ROOM, /* no place within reach, no memory, too many sites */
	FALL_NO_DECODER,
	FALL_BACKS,
};

enum { STATISTICS_CALLS = 32 };

struct thread_statistics {
	uint32_t hits[STATISTICS_CALLS]; /* of calls from patched sites, by their index; only the thread itself adds */
};

struct thread;

void statistics_hit(struct thread *thread, unsigned nr);
void statistics_fall(unsigned nr, enum fall_back why);
/* Add a thread's numbers to the instance's; it ends. */
void statistics_fold(struct thread *thread);
/* The table, to stderr. */
void statistics_print(void);

#endif

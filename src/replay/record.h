/* SPDX-License-Identifier: MIT */
/*
 * record.h - one line of an strace log as data.
 *
 *     9732  mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f4908d67000
 *     pid   call (name, args)                                                         result
 *
 * What may stand before the call is understood: nothing, a process id, "[pid 9732]", the times of -t -tt -ttt -r, the instruction
 * pointer of -i. Behind the result may stand -T's time. Arguments may be symbols, numbers (-X raw) or a number with a comment
 * (-X verbose); descriptors may have their path (-y). Parsing allocates nothing and keeps no pointer into the line.
 */
#ifndef TULOU_REPLAY_RECORD_H
#define TULOU_REPLAY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
	RECORD_EMPTY, /* nothing but blanks */
	RECORD_CALL,
	RECORD_UNFINISHED,
	RECORD_RESUMED,
	RECORD_SIGNAL, /* --- SIGSEGV … --- */
	RECORD_EXIT, /* +++ exited with 0 +++ */
	RECORD_OTHER, /* no line of strace's that we know */
	RECORD_CUT, /* begins like a call, and ends in the middle */
	RECORD_KINDS
};

enum call {
	CALL_OTHER, /* a call that is not replayed: its name says which */
	CALL_MMAP,
	CALL_MUNMAP,
	CALL_MREMAP,
	CALL_MPROTECT,
	CALL_BRK,
	CALL_MSYNC,
	CALL_MADVISE,
	CALL_MINCORE,
	CALL_MSEAL,
	CALL_MLOCK,
	CALL_MLOCK2,
	CALL_MUNLOCK,
	CALL_MLOCKALL,
	CALL_MUNLOCKALL,
	CALL_MEMORY_LAST = CALL_MUNLOCKALL,
	CALL_FORK, /* fork, vfork, clone, clone3: args[0] is the CLONE_* flags */
	CALL_EXEC, /* execve, execveat */
	CALL_EXIT, /* exit */
	CALL_EXIT_GROUP,
	CALLS
};

enum { RECORD_ARGS = 6, RECORD_NAME_SIZE = 32 };

struct record {
	enum record_kind kind;
	uint32_t pid; /* 0: the line names none */
	enum call call;
	char name[RECORD_NAME_SIZE]; /* of a call; a symbol that is not known when `unknown` */
	bool unknown; /* an argument could not be understood: name says which */
	unsigned arg_count;
	uint64_t args[RECORD_ARGS]; /* of the memory calls, in the system call's order */
	uint64_t file; /* mmap: which file, a hash of its path or of the descriptor's number */
	bool has_result; /* false: "= ?", or unfinished */
	uint64_t result; /* when error is 0 */
	int error; /* errno, positive */
};

/* One line of `size` bytes, without its newline. Never fails: what it cannot read is RECORD_OTHER or RECORD_CUT. */
void record_parse(struct record *record, const char *line, size_t size);
const char *call_name(enum call call);

#endif

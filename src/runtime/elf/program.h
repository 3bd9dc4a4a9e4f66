/* SPDX-License-Identifier: MIT */
/*
 * program.h - the program loader: from a file's name to a process VM that can be entered.
 *
 *     program_open   find, check, read headers   may fail with execve's errno; nothing has changed
 *     program_load   place, map, build the stack fails only where Linux would kill the new program
 *     program_close  descriptors
 *
 *     file ──> script? ──> its interpreter ──> … ──> ELF ──> PT_INTERP?
 *                                                     exe      interp          images of the new process VM
 *
 * Between the two calls lies the point of no return of execve(2). The loader runs in the guest's task (its descriptors, its
 * working directory, its credentials) and in the same address space as the program that it loads. A struct program is large
 * (some 150 KiB, mostly never touched): program_create() maps one. No function here needs more than 2 KiB of stack.
 *
 * The descriptors `fd` and `interp_fd` are close-on-exec and stand in the guest's own table: close the guest's close-on-exec
 * descriptors after program_close(). Only one task at a time uses a struct program.
 */
#ifndef TULOU_RUNTIME_ELF_PROGRAM_H
#define TULOU_RUNTIME_ELF_PROGRAM_H

#include <tulou/tulou.h>
#include "arg_strings.h"
#include "elf_parse.h"
#include "script.h"

enum {
	PROGRAM_PATH_MAX = 4096,
	PROGRAM_COMM_SIZE = 16,
	PROGRAM_HEAD_SIZE = 4096, /* read of each file in one go: header, and nearly always table and PT_INTERP */
};

struct program {
	int fd; /* the ELF file, -1 when closed */
	int interp_fd; /* PT_INTERP, -1 when none */
	bool has_interp;
	bool is_script; /* the name given was a script's; argv was rewritten */
	bool native; /* only a real execve can run this: the name as it was given, with the argv as it was given */
	const char *native_why;
	/* Linux would begin and then kill it with SIGSEGV; program_load() gives the errno, program_why() says why. */
	bool fatal;
	struct elf_info exe, interp;
	uint64_t dev, ino, size; /* of the ELF file, for who keeps images; size in bytes */
	int64_t mtime_sec, mtime_nsec;
	char path[PROGRAM_PATH_MAX]; /* resolved, of the ELF file: what readlink of /proc/self/exe answers */
	char comm[PROGRAM_COMM_SIZE]; /* the task's name, prctl(PR_SET_NAME) */
	char execfn[PROGRAM_PATH_MAX + 32]; /* AT_EXECFN: the name as given, or /dev/fd/N[/name] of execveat(2) */
	char interp_path[ELF_INTERP_MAX]; /* as PT_INTERP has it */
	char why[256]; /* program_why() */
	/* private to the loader */
	struct script scripts[SCRIPT_DEPTH_MAX + 1]; /* [0] is the file that was named; one more, to say ELOOP as late as Linux */
	unsigned script_count;
	union {
		unsigned char bytes[PROGRAM_HEAD_SIZE];
		struct elf64_hdr aligned_;
	} head;
	size_t head_size;
	uint64_t interp_file_size;
	struct elf64_phdr exe_phdrs[ELF_PHDR_MAX];
	struct elf64_phdr interp_phdrs[ELF_PHDR_MAX];
};

/* Not yet opened, in memory of the caller's, whatever it holds. */
void program_init(struct program *p);
/* A struct program with memory from the kernel, not yet opened; NULL: no memory. */
struct program *program_create(void);
/* Closes what is open; NULL is allowed. */
void program_destroy(struct program *p);

/*
 * Resolve and check everything that can be checked without changing any state. execveat(2) semantics for `dirfd`, `path` and
 * `flags` (AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW); execve is AT_FDCWD and 0. `path` is the runtime's own copy, not guest memory.
 * `argv` is rewritten when the file is a script: [interp, arg, script, argv[1..]]; when it is empty it becomes [""], as Linux
 * does. It is rewritten only in the end: when this fails, or says `native`, it still is the one for a real execve.
 *
 * 0 or what execve(2) says: ENOENT EACCES ENOEXEC ELIBBAD ELOOP ENOTDIR ENAMETOOLONG EINVAL EIO EBADF EMFILE ENFILE ENOMEM E2BIG.
 * (ENOEXEC: a format that we do not know may still be one of the kernel's binfmt_misc; to ask, try a real execve.)
 * Nothing is open after an error. 0 with p->native: nothing is open either, and a real execve is the way.
 */
long program_open(struct program *p, int dirfd, const char *path, int flags, struct strings *argv);
/* Closes the descriptors; harmless when nothing is open. program_load() does not close them. */
void program_close(struct program *p);
/* A short English reason for the last failure, `native` or `fatal`, for a one-line message: "not an ELF file". Never NULL. */
const char *program_why(const struct program *p);

/* Where the new program starts, and what /proc/self and the process table want to know of it. All are addresses. */
struct program_start {
	uintptr_t entry; /* first instruction: the interpreter's, or the program's */
	uintptr_t sp; /* 16-byte aligned; argc lies there. All other registers are 0 */
	uintptr_t exe_base; /* what was added to the program's linked addresses; 0 for ET_EXEC */
	uintptr_t exe_entry; /* AT_ENTRY */
	uintptr_t interp_base; /* AT_BASE; 0 without interpreter */
	uintptr_t phdr; /* AT_PHDR */
	uintptr_t exe_start, exe_end; /* whole pages, first to last */
	uintptr_t interp_start, interp_end; /* 0, 0 without interpreter */
	uintptr_t stack_start, stack_end;
	uintptr_t heap_start;
	uintptr_t arg_start, arg_end, env_start, env_end; /* the strings, as in /proc/self/stat */
	uintptr_t auxv;
	size_t auxv_size; /* bytes, AT_NULL included */
	uintptr_t execfn;
};

/*
 * Put an opened program into the *empty* process VM `vm`: places images, heap and stack (which may grow to `stack_size` bytes, and to more if RLIMIT_STACK is raised), maps the segments,
 * builds the stack. `argv` is what program_open() made of it. `host_auxv` is the runtime's own vector, from which come the
 * values that belong to machine and kernel (vdso, HWCAP …); user and group ids are asked for now.
 * The loader writes to the new memory: it must not be called with a key or a tag on it.
 *
 * 0; -EEXIST: the program's fixed range is taken (only a fresh instance can run it); -E2BIG: argv and envp are too large, nothing
 * was done; anything else: `vm` holds parts of the program and is fit only for unref. Linux kills the process with SIGSEGV then.
 */
long program_load(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	const unsigned long *host_auxv, size_t stack_size, struct program_start *out);
/* The same files once more, into a process VM that still holds them as program_load() left them at `*out`, but for the contents of what can
 * be written: of files, which are read again; all else, the stack too, the caller has made zero. 0, or why not; then `vm` is fit only for
 * unref. */
long program_reload(struct program *p, struct tulou_process_vm *vm, const struct strings *argv, const struct strings *envp,
	const unsigned long *host_auxv, struct program_start *out);

#endif

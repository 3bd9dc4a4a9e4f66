/* SPDX-License-Identifier: MIT */
/*
 * script.h - the first line of a script. Pure: bytes in, two strings out.
 *
 *     # !   / b i n / s h   - e u   \n        →  interp "/bin/sh", arg "-eu" (one argument, spaces inside it stay)
 *
 * As fs/binfmt_script of Linux: only the first 256 bytes count; an argument may be cut there, a path may not.
 */
#ifndef TULOU_RUNTIME_ELF_SCRIPT_H
#define TULOU_RUNTIME_ELF_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SCRIPT_LINE_MAX = 256, /* BINPRM_BUF_SIZE */
	SCRIPT_DEPTH_MAX = 5, /* scripts whose interpreter is a script … */
};

struct script {
	char line[SCRIPT_LINE_MAX + 1]; /* holds both strings */
	const char *interp;
	const char *arg; /* NULL: none */
};

/* Does the file begin with "#!"? */
bool script_detect(const void *bytes, size_t size);
/* 0, or -ENOEXEC when it is no script or names no interpreter. `bytes`: the file's first, of which SCRIPT_LINE_MAX count. */
long script_parse(const void *bytes, size_t size, struct script *out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * expect.h - for programs that check themselves: EXPECT(condition) ends the program (exit status 99, whatever it forked included)
 * with file, line, condition and errno on stderr when the condition is false. What they print on stdout must be stable, since
 * it is compared with the native run's.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXPECT_STATUS = 99 };

#define EXPECT(condition) ((condition) ? (void)0 : expect_failed(__FILE__, __LINE__, #condition))

static inline void expect_failed(const char *file, int line, const char *condition)
{
	int error = errno;
	const char *name = strrchr(file, '/');

	fflush(stdout);
	fprintf(stderr, "%s:%d: %s (errno %d)\n", name ? name + 1 : file, line, condition, error);
	fflush(stderr);
	_exit(EXPECT_STATUS);
}

#endif

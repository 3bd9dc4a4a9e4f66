/* SPDX-License-Identifier: MIT */
/*
 * message.h - what the runtime says to a person, on stderr: one line, `tulou: …`, in one write.
 */
#ifndef TULOU_RUNTIME_MESSAGE_H
#define TULOU_RUNTIME_MESSAGE_H

#include <stddef.h>

/* Formats as base/format.h. Safe anywhere in the runtime. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Write all of it to a descriptor. 0 or a negative errno. */
long write_all(int fd, const char *text, size_t size);
/* The name of an errno with a reason a person understands: "No such file or directory". */
const char *error_text(long error);

#endif

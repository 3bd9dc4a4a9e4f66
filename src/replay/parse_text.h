/* SPDX-License-Identifier: MIT */
/* parse_text.h - a piece of a line, and what can be taken from its front. Every function stops at the end of the piece. */
#ifndef TULOU_REPLAY_PARSE_TEXT_H
#define TULOU_REPLAY_PARSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const char *at, *end;
};

static inline size_t text_size(struct text text)
{
	return (size_t)(text.end - text.at);
}

void text_skip_blanks(struct text *text);
/* Take `what` from the front, if it stands there. */
bool text_take(struct text *text, const char *what);
/* Take what consists of decimal digits; hexadecimal with 0x. False, and nothing taken: no number, or one above 64 bits. */
bool text_take_number(struct text *text, uint64_t *value);
/* Take letters, digits and underscores. */
struct text text_take_word(struct text *text);
/* Where `what` begins, or NULL. */
const char *text_find(struct text text, const char *what);
/* Take one argument: up to a comma or the closing bracket of the call, neither of which is taken. Strings, brackets of all kinds
 * and comments are passed over whole. False: the line ends first. */
bool text_take_argument(struct text *text, struct text *argument);
/* The value of an argument: numbers and symbols joined by |, comments ignored. False: `unknown` is what was not understood. */
bool text_value(struct text argument, uint64_t *value, struct text *unknown);

#endif

/* SPDX-License-Identifier: MIT */
#include "parse_text.h"

#include <string.h>

#include "symbols.h"

enum { HUGE_SHIFT = 26 };

void text_skip_blanks(struct text *text)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\t' || *text->at == '\r'))
		text->at++;
}

bool text_take(struct text *text, const char *what)
{
	size_t size = strlen(what);

	if (text_size(*text) < size || memcmp(text->at, what, size) != 0)
		return false;
	text->at += size;
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

bool text_take_number(struct text *text, uint64_t *value)
{
	struct text rest = *text;
	uint64_t number = 0;
	int base = 10;
	const char *first;

	if (text_take(&rest, "0x"))
		base = 16;
	first = rest.at;
	for (; rest.at < rest.end && digit_value(*rest.at) < base; rest.at++) {
		uint64_t digit = (uint64_t)digit_value(*rest.at);

		if (number > (UINT64_MAX - digit) / (uint64_t)base)
			return false;
		number = number * (uint64_t)base + digit;
	}
	if (rest.at == first)
		return false;
	*text = rest;
	*value = number;
	return true;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

struct text text_take_word(struct text *text)
{
	struct text word = {text->at, text->at};

	while (word.end < text->end && is_word(*word.end))
		word.end++;
	text->at = word.end;
	return word;
}

const char *text_find(struct text text, const char *what)
{
	return memmem(text.at, text_size(text), what, strlen(what));
}

static bool skip_string(struct text *text)
{
	for (text->at++; text->at < text->end && *text->at != '"'; text->at++)
		if (*text->at == '\\' && text->end - text->at > 1)
			text->at++;
	if (text->at >= text->end)
		return false;
	text->at++;
	return true;
}

static bool skip_comment(struct text *text)
{
	const char *end = text_find((struct text){text->at + 2, text->end}, "*/");

	if (end)
		text->at = end + 2;
	return end;
}

bool text_take_argument(struct text *text, struct text *argument)
{
	unsigned depth = 0;

	argument->at = text->at;
	while (text->at < text->end) {
		char c = *text->at;

		if (!depth && (c == ',' || c == ')')) {
			argument->end = text->at;
			return true;
		}
		if (text_take(text, "<<") || text_take(text, "->") || text_take(text, "=>"))
			continue;
		if (c == '"' && !skip_string(text))
			return false;
		if (c == '"')
			continue;
		if (c == '/' && text_size(*text) > 1 && text->at[1] == '*') {
			if (!skip_comment(text))
				return false;
			continue;
		}
		if (strchr("([{<", c) && c)
			depth++;
		else if (strchr(")]}>", c) && c && depth)
			depth--;
		text->at++;
	}
	return false;
}

/* One number or symbol. */
static bool take_term(struct text *text, uint64_t *value, struct text *unknown)
{
	bool minus = text_take(text, "-");
	const char *first = text->at;

	if (text_take_number(text, value)) {
		if (text_take(text, "<<MAP_HUGE_SHIFT"))
			*value = *value < 64 ? *value << HUGE_SHIFT : 0;
		if (minus)
			*value = -*value;
		/* 12abc is no number */
		if (text->at == text->end || !is_word(*text->at))
			return true;
		text->at = first;
	}
	*unknown = text_take_word(text);
	return symbol_find(unknown->at, text_size(*unknown), value);
}

bool text_value(struct text argument, uint64_t *value, struct text *unknown)
{
	*value = 0;
	do {
		uint64_t term;

		text_skip_blanks(&argument);
		if (!take_term(&argument, &term, unknown)) {
			if (!text_size(*unknown))
				*unknown = argument;
			return false;
		}
		*value |= term;
		text_skip_blanks(&argument);
	} while (text_take(&argument, "|"));
	/* behind it: nothing, a comment, or a descriptor's path */
	*unknown = argument;
	return !text_size(argument) || *argument.at == '<' || text_take(&argument, "/*");
}

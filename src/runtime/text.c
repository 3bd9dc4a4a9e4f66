/* SPDX-License-Identifier: MIT */
#include "runtime/text.h"

#include "base/format.h"

size_t text_length(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

bool text_equal(const char *a, const char *b)
{
	const char *rest = text_after(a, b);
	return rest && !*rest;
}

const char *text_after(const char *text, const char *start)
{
	for (; *start; start++, text++)
		if (*text != *start)
			return NULL;
	return text;
}

size_t text_number(char *out, unsigned long number)
{
	return format(out, 21, "%lu", number);
}

bool text_parse(const char *text, unsigned long most, unsigned long *out)
{
	unsigned long number = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (digit > 9 || number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return true;
}

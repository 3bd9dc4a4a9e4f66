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

bool text_parse_size(const char *text, unsigned long *out)
{
	static const char units[] = "KMGT";
	char digits[24];
	unsigned long unit = 1;
	size_t length = text_length(text);

	if (!length || length >= sizeof digits)
		return false;
	for (size_t i = 0; i <= length; i++)
		digits[i] = text[i];
	for (size_t i = 0; units[i]; i++)
		if (digits[length - 1] == units[i]) {
			unit = 1ul << (10 * (i + 1));
			digits[length - 1] = 0;
		}
	return text_parse(digits, ~0ul / unit, out) && *out && !__builtin_mul_overflow(*out, unit, out);
}

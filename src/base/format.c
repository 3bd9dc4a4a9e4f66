/* SPDX-License-Identifier: MIT */
/* format.c - see format.h. */
#include "format.h"

struct writer {
	char *out;
	size_t size, length;
};

struct spec {
	size_t width;
	bool left, zero;
	int longs;
};

static void put(struct writer *w, char c)
{
	if (w->length + 1 < w->size)
		w->out[w->length] = c;
	w->length++;
}

static void put_padded(struct writer *w, const struct spec *spec, const char *text, size_t length)
{
	size_t pad = spec->width > length ? spec->width - length : 0;

	for (size_t i = 0; !spec->left && i < pad; i++)
		put(w, spec->zero ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(w, text[i]);
	for (size_t i = 0; spec->left && i < pad; i++)
		put(w, ' ');
}

static void put_number(struct writer *w, const struct spec *spec, unsigned long value, unsigned base, bool negative)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[--at] = '-';
	put_padded(w, spec, digits + at, sizeof(digits) - at);
}

static void put_string(struct writer *w, const struct spec *spec, const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	put_padded(w, spec, text, length);
}

static const char *read_spec(const char *text, struct spec *spec)
{
	*spec = (struct spec){0};
	for (; *text == '-' || *text == '0'; text++) {
		spec->left |= *text == '-';
		spec->zero |= *text == '0';
	}
	for (; *text >= '0' && *text <= '9'; text++)
		spec->width = spec->width * 10 + (size_t)(*text - '0');
	for (; *text == 'l' || *text == 'z'; text++)
		spec->longs++;
	return text;
}

size_t format_list(char *out, size_t size, const char *text, va_list args)
{
	struct writer w = {out, size, 0};

	for (; *text; text++) {
		struct spec spec;
		long number;

		if (*text != '%') {
			put(&w, *text);
			continue;
		}
		text = read_spec(text + 1, &spec);
		switch (*text) {
		case 's':
			put_string(&w, &spec, va_arg(args, const char *));
			break;
		case 'c':
			put(&w, (char)va_arg(args, int));
			break;
		case 'd':
			number = spec.longs ? va_arg(args, long) : va_arg(args, int);
			put_number(&w, &spec, number < 0 ? 0 - (unsigned long)number : (unsigned long)number, 10, number < 0);
			break;
		case 'u':
		case 'x':
			put_number(&w, &spec, spec.longs ? va_arg(args, unsigned long) : va_arg(args, unsigned),
				*text == 'u' ? 10 : 16, false);
			break;
		case 'p':
			put(&w, '0');
			put(&w, 'x');
			put_number(&w, &spec, (unsigned long)va_arg(args, void *), 16, false);
			break;
		case '\0':
			text--;
			break;
		default:
			put(&w, *text);
		}
	}
	if (size)
		out[w.length < size ? w.length : size - 1] = '\0';
	return w.length;
}

size_t format(char *out, size_t size, const char *text, ...)
{
	va_list args;
	size_t length;

	va_start(args, text);
	length = format_list(out, size, text, args);
	va_end(args);
	return length;
}

/* SPDX-License-Identifier: MIT */
#include "map.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "files.h"

void map_clear(struct map *map)
{
	map->count = 0;
	map->overflow = false;
}

/* Private /dev/zero is anonymous memory that bears a file's name: its offsets mean nothing. */
static bool has_offset(const struct range *range)
{
	return range->file != FILE_ANONYMOUS && range->file != FILE_ZERO;
}

static bool ranges_join(const struct range *left, const struct range *right)
{
	if (left->end != right->start || left->prot != right->prot || left->shared != right->shared || left->file != right->file)
		return false;
	return !has_offset(left) || left->offset + (left->end - left->start) == right->offset;
}

void map_add(struct map *map, const struct range *range)
{
	struct range *last = map->count ? &map->ranges[map->count - 1] : NULL;

	if (last && ranges_join(last, range)) {
		last->end = range->end;
	} else if (map->count < MAP_RANGES_MAX) {
		map->ranges[map->count] = *range;
		if (!has_offset(range))
			map->ranges[map->count].offset = 0;
		map->count++;
	} else {
		map->overflow = true;
	}
}

static uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

uint64_t map_hash(const struct map *map)
{
	uint64_t hash = map->count;

	for (unsigned i = 0; i < map->count; i++) {
		const struct range *range = &map->ranges[i];

		hash = hash_mix(hash, range->start);
		hash = hash_mix(hash, range->end);
		hash = hash_mix(hash, (uint64_t)range->prot << 1 | range->shared);
		hash = hash_mix(hash, (uint64_t)range->file);
		hash = hash_mix(hash, range->offset);
	}
	return hash;
}

void map_print(FILE *out, const struct world *world, const struct map *map)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct range *range = &map->ranges[i];

		fputs("    ", out);
		address_print(out, world, range->start);
		fputs("-", out);
		address_print(out, world, range->end);
		fprintf(out, " %c%c%c%c", range->prot & PROT_READ ? 'r' : '-', range->prot & PROT_WRITE ? 'w' : '-',
			range->prot & PROT_EXEC ? 'x' : '-', range->shared ? 's' : 'p');
		if (range->file != FILE_ANONYMOUS)
			fprintf(out, " file %d offset 0x%llx", range->file, (unsigned long long)range->offset);
		fputs("\n", out);
	}
}

size_t map_largest_hole(const struct map *map, uintptr_t start, uintptr_t end)
{
	size_t largest = 0;

	for (unsigned i = 0; i <= map->count; i++) {
		uintptr_t next = i < map->count ? map->ranges[i].start : end;

		if (next > start && next - start > largest)
			largest = next - start;
		if (i < map->count)
			start = map->ranges[i].end;
	}
	return largest;
}

uintptr_t map_hole_find(const struct map *map, uintptr_t start, uintptr_t end, size_t size)
{
	for (unsigned i = 0; i <= map->count; i++) {
		uintptr_t next = i < map->count ? map->ranges[i].start : end;

		if (next > start && next - start >= size)
			return start;
		if (i < map->count)
			start = map->ranges[i].end;
	}
	return 0;
}

/* One hexadecimal number; *at is left on what follows it. */
static uint64_t hex_take(const char **at)
{
	uint64_t value = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return value;
	}
}

/* start-end perms offset major:minor inode path */
static void line_parse(const char *line, struct range *range, uint64_t *ino)
{
	range->start = hex_take(&line);
	line++;
	range->end = hex_take(&line);
	line++;
	range->prot = (line[0] == 'r' ? PROT_READ : 0) | (line[1] == 'w' ? PROT_WRITE : 0) | (line[2] == 'x' ? PROT_EXEC : 0);
	range->shared = line[3] == 's';
	line += 5;
	range->offset = hex_take(&line);
	line++;
	hex_take(&line);
	line++;
	hex_take(&line);
	line++;
	*ino = 0;
	for (; *line >= '0' && *line <= '9'; line++)
		*ino = *ino * 10 + (uint64_t)(*line - '0');
}

static void line_take(
	struct map *map, const char *line, uintptr_t start, uintptr_t end, int (*file_of)(uint64_t, bool), struct raw_count *raw)
{
	struct range range;
	uint64_t ino;

	line_parse(line, &range, &ino);
	if (raw && range.start < raw->end && range.end > raw->start)
		raw->count++;
	if (range.end <= start || range.start >= end)
		return;
	if (range.start < start)
		range.start = start;
	if (range.end > end)
		range.end = end;
	range.file = file_of(ino, range.shared);
	map_add(map, &range);
}

void map_read_self(
	struct map *map, uintptr_t start, uintptr_t end, int (*file_of)(uint64_t ino, bool shared), struct raw_count *raw)
{
	static char text[1 << 20];
	size_t size = 0;
	ssize_t got;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	map_clear(map);
	while (fd >= 0 && size < sizeof(text) - 1 && (got = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)got;
	close(fd);
	text[size] = 0;
	for (const char *line = text, *next; (next = strchr(line, '\n')); line = next + 1)
		line_take(map, line, start, end, file_of, raw);
}

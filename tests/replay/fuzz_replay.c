/* SPDX-License-Identifier: MIT */
/* fuzz_replay.c - any bytes as a log, on the sim host, all invariants after every change. */
#include <string.h>

#include "replay/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct replay replay;
	static FILE *nowhere;
	const char *at = (const char *)data, *end = at + size;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	memset(&replay, 0, sizeof(replay));
	replay.verify = true;
	replay.out = nowhere;
	if (replay_init(&replay, place_create("sim"), 1))
		__builtin_trap();
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		replay_line(&replay, at, (size_t)((stop ? stop : end) - at), !stop);
		at = stop ? stop + 1 : end;
	}
	replay_finish(&replay);
	replay_fini(&replay);
	place_destroy(replay.place);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "runtime/code/site.h"

bool code_piece_move(const struct code_piece *piece, const uint8_t *bytes, uint64_t from, uint8_t *out, uint64_t to)
{
	memcpy(out, bytes, piece->length);
	for (unsigned i = 0; i < piece->relative_count; i++) {
		int32_t old;
		int64_t moved;

		memcpy(&old, bytes + piece->relative[i], sizeof old);
		moved = old + (int64_t)(from - to);
		if (moved != (int32_t)moved)
			return false;
		old = (int32_t)moved;
		memcpy(out + piece->relative[i], &old, sizeof old);
	}
	return true;
}

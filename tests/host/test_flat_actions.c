/* SPDX-License-Identifier: MIT */
/*
 * test_flat_actions.c - actions on the flat host where it differs from Linux: a file mapping is a copy, and nothing is in two places.
 */
#include "host_side.h"

/* clang-format off: a table is read by its columns */
static void flat_private_file_is_copied(void **state)
{
	static const struct action actions[] = {
		{FILE_STORE, 0, 0, 'f', 0, 0, "................", "                "},
		{MAPF_PRIVATE, 0, 4, W, 0, 0, "wwww............", "f000            "},
		{STORE, 1, 0, 'p', 0, 0, "wwww............", "fp00            "},
		{FILE_STORE, 0, 0, 'g', 0, 0, "wwww............",
			"fp00            "}, /* Linux would show it, and may choose to */
		{FILE_LOAD, 1, 0, 0, 0, 0, "wwww............", "fp00            "},
		{DONTNEED, 0, 2, 0, 0, 0, "wwww............", "g000            "},
		{STORE, 3, 0, 's', 0, 0, "wwww............", "g00s            "},
		{MOVE, 0, 4, 8, 4, 0, "........wwww....", "        g00s    "},
		{UNMAP, 9, 1, 0, 0, 0, "........w.ww....", "        g 0s    "},
		{MOVE_KEEP, 10, 2, 0, 2, 0, "ww......w.ww....", "0s      g 00    "}, /* the source is the file's again */
		{GROW, 0, 2, 3, 0, -TULOU_ENXIO, "ww......w.ww....", "0s      g 00    "},
		{MAPF_PRIVATE, 4, 1, W, 4, -TULOU_ENXIO, "ww......w.ww....", "0s      g 00    "},
	};

	(void)state;
	FLAT(actions);
}

static void flat_shared_file_is_written_back(void **state)
{
	static const struct action actions[] = {
		{MAPF_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'x', 0, 0, "ww..............", "0x              "},
		{FILE_LOAD, 1, 0, 0, 0, 0, "ww..............", "0x              "},
		{SYNC, 0, 2, TULOU_MS_SYNC, 0, 0, "ww..............", "0x              "},
		{FILE_LOAD, 1, 0, 0, 0, 'x', "ww..............", "0x              "},
		{MAPF_SHARED, 4, 2, W, 1, -TULOU_ENODEV, "ww..............", "0x              "},
		{MAPF_SHARED, 4, 2, W, 2, 0, "ww..ww..........", "0x  00          "},
		{MAPF_READ_ONLY, 8, 1, W, 0, -TULOU_EACCES, "ww..ww..........", "0x  00          "},
		{MAPF_READ_ONLY, 8, 1, R, 1, -TULOU_ENODEV, "ww..ww..........", "0x  00          "},
		{STORE, 0, 0, 'y', 0, 0, "ww..ww..........", "yx  00          "},
		{MAPF_PRIVATE, 8, 2, R, 0, 0, "ww..ww..rr......", "yx  00  yx      "}, /* what is not written back yet shows */
		{STORE, 5, 0, 'z', 0, 0, "ww..ww..rr......", "yx  0z  yx      "},
		{UNMAP, 5, 1, 0, 0, 0, "ww..w...rr......", "yx  0   yx      "},
		{FILE_LOAD, 3, 0, 0, 0, 'z', "ww..w...rr......", "yx  0   yx      "},
		{MAPF_READ_ONLY, 12, 1, R, 3, 0, "ww..w...rr..r...", "yx  0   yx  z   "},
		{MAPF_READ_ONLY, 13, 1, R, 3, 0, "ww..w...rr..rr..", "yx  0   yx  zz  "}, /* both are for reading */
		{PROTECT, 13, 1, W, 0, -TULOU_EACCES, "ww..w...rr..rr..", "yx  0   yx  zz  "},
		{FILE_STORE, 3, 0, 'q', 0, 0, "ww..w...rr..rr..", "yx  0   yx  zz  "},
		{SYNC, 12, 1, TULOU_MS_INVALIDATE, 0, 0, "ww..w...rr..rr..", "yx  0   yx  qz  "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..w...rr..rr..", "yx  0   yx  qz  "},
		{MOVE_KEEP, 0, 2, 14, 2, -TULOU_EINVAL, "ww..w...rr..rr..", "yx  0   yx  qz  "},
		{MOVE, 0, 0, 14, 2, -TULOU_EINVAL, "ww..w...rr..rr..", "yx  0   yx  qz  "},
		{STORE, 0, 0, 'u', 0, 0, "ww..w...rr..rr..", "ux  0   yx  qz  "},
		{STORE, 1, 0, 'v', 0, 0, "ww..w...rr..rr..", "uv  0   yx  qz  "},
		{MOVE, 0, 2, 14, 1, 0, "....w...rr..rrw.", "    0   yx  qzu "}, /* the rest is dropped, and written */
		{FILE_LOAD, 1, 0, 0, 0, 'v', "....w...rr..rrw.", "    0   yx  qzu "},
		{GROW, 14, 1, 2, 0, 0, "....w...rr..rrww", "    0   yx  qzuv"},
		{MAPF_SHARED, 14, 1, W, 0, 0, "....w...rr..rrww", "    0   yx  qzuv"}, /* over itself */
		{MAPA, 14, 2, W, 0, 0, "....w...rr..rrww", "    0   yx  qz00"},
		{FILE_LOAD, 0, 0, 0, 0, 'u', "....w...rr..rrww", "    0   yx  qz00"},
	};

	(void)state;
	FLAT(actions);
}

static void flat_shared_anonymous_is_memory(void **state)
{
	static const struct action actions[] = {
		{MAPA_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'a', 0, 0, "ww..............", "0a              "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..............", "0a              "},
		{SYNC, 0, 2, TULOU_MS_SYNC, 0, 0, "ww..............", "0a              "},
		{MOVE_KEEP, 0, 2, 4, 2, -TULOU_EINVAL, "ww..............", "0a              "},
		{GROW, 0, 2, 3, 0, -TULOU_ENXIO, "ww..............", "0a              "},
		{MOVE, 0, 2, 4, 3, -TULOU_ENXIO, "ww..............", "0a              "},
		{MOVE, 0, 2, 4, 2, 0, "....ww..........", "    0a          "},
		{UNMAP, 4, 1, 0, 0, 0, ".....w..........", "     a          "},
	};

	(void)state;
	FLAT(actions);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_private_file_is_copied),
		cmocka_unit_test(flat_shared_file_is_written_back),
		cmocka_unit_test(flat_shared_anonymous_is_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

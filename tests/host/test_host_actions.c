/* SPDX-License-Identifier: MIT */
/* test_host_actions.c - the same actions on the simulated host, on Linux, and (ALL) on the flat host; after each the same picture. */
#include "host_side.h"

/* clang-format off: a table is read by its columns */
static void anonymous_map_store_unmap(void **state)
{
	static const struct action actions[] = {
		{MAPA, 2, 4, W, 0, 0, "..wwww..........", "  0000          "},
		{STORE, 3, 0, 'a', 0, 0, "..wwww..........", "  0a00          "},
		{STORE, 5, 0, 'b', 0, 0, "..wwww..........", "  0a0b          "},
		{UNMAP, 3, 1, 0, 0, 0, "..w.ww..........", "  0 0b          "},
		{UNMAP, 0, 16, 0, 0, 0, "................", "                "},
		{UNMAP, 0, 16, 0, 0, 0, "................", "                "},
		{STORE, 3, 0, 'a', 0, SIGSEGV, "................", "                "},
		{MAPA, 3, 3, N, 0, 0, "...---..........", "                "},
		{MAPA, 4, 1, R, 0, 0, "...-r-..........", "    0           "},
		{STORE, 4, 0, 'a', 0, SIGSEGV, "...-r-..........", "    0           "},
		{MAPA, 0, 16, W, 0, 0, "wwwwwwwwwwwwwwww", "0000000000000000"},
	};

	(void)state;
	ALL(actions);
}

static void map_replaces_contents(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
		{STORE, 1, 0, 'a', 0, 0, "www.............", "0a0             "},
		{MAPA, 1, 2, W, 0, 0, "www.............", "000             "},
		{FILE_STORE, 1, 0, 'f', 0, 0, "www.............", "000             "},
		{MAPF_PRIVATE, 1, 1, R, 1, 0, "wrw.............", "0f0             "},
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
	};

	(void)state;
	ALL(actions);
}

static void protect_parts(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 6, W, 0, 0, "wwwwww..........", "000000          "},
		{STORE, 2, 0, 'c', 0, 0, "wwwwww..........", "00c000          "},
		{PROTECT, 2, 2, N, 0, 0, "ww--ww..........", "00  00          "},
		{PROTECT, 1, 4, R, 0, 0, "wrrrrw..........", "00c000          "},
		{PROTECT, 0, 6, X, 0, 0, "xxxxxx..........", "00c000          "},
		{PROTECT, 5, 1, W, 0, 0, "xxxxxw..........", "00c000          "},
		{PROTECT, 7, 1, W, 0, -TULOU_ENOMEM, "xxxxxw..........", "00c000          "},
	};

	(void)state;
	ALL(actions);
}

static void grow_in_place(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'a', 0, 0, "ww..............", "0a              "},
		{GROW, 0, 2, 4, 0, 0, "wwww............", "0a00            "},
		{PROTECT, 0, 4, R, 0, 0, "rrrr............", "0a00            "},
		{GROW, 0, 4, 5, 0, 0, "rrrrr...........", "0a000           "},
		{GROW, 8, 1, 2, 0, -TULOU_EFAULT, "rrrrr...........", "0a000           "},
	};

	(void)state;
	ALL(actions);
}

static void grow_over_the_end_of_a_file(void **state)
{
	static const struct action actions[] = {
		{FILE_STORE, 3, 0, 'z', 0, 0, "................", "                "},
		{MAPF_SHARED, 8, 2, W, 1, 0, "........ww......", "        00      "},
		{GROW, 8, 2, 4, 0, 0, "........wwww....", "        00z!    "},
	};

	(void)state;
	BOTH(actions);
}

static void move_with_contents(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
		{STORE, 0, 0, 'a', 0, 0, "www.............", "a00             "},
		{STORE, 2, 0, 'c', 0, 0, "www.............", "a0c             "},
		{MOVE, 0, 3, 5, 3, 0, ".....www........", "     a0c        "},
		{MOVE, 5, 3, 0, 5, 0, "wwwww...........", "a0c00           "}, /* larger */
		{STORE, 4, 0, 'e', 0, 0, "wwwww...........", "a0c0e           "},
		{MOVE, 0, 5, 8, 3, 0, "........www.....", "        a0c     "}, /* smaller: the rest is gone */
		{MAPA, 0, 4, R, 0, 0, "rrrr....www.....", "0000    a0c     "},
		{MOVE, 8, 3, 1, 3, 0, "rwww............", "0a0c            "}, /* over something */
		{MOVE, 2, 1, 9, 1, 0, "rw.w.....w......", "0a c     0      "}, /* out of the middle */
		{MOVE_KEEP, 3, 1, 12, 1, 0, "rw.w.....w..w...", "0a 0     0  c   "},
		{MOVE, 5, 1, 14, 1, -TULOU_EFAULT, "rw.w.....w..w...", "0a 0     0  c   "},
	};

	(void)state;
	ALL(actions);
}

static void private_file_copies_on_write(void **state)
{
	static const struct action actions[] = {
		{FILE_STORE, 0, 0, 'f', 0, 0, "................", "                "},
		{MAPF_PRIVATE, 0, 4, W, 0, 0, "wwww............", "f000            "},
		{STORE, 1, 0, 'p', 0, 0, "wwww............", "fp00            "},
		{FILE_STORE, 1, 0, 'q', 0, 0, "wwww............", "fp00            "}, /* our copy */
		{FILE_STORE, 0, 0, 'g', 0, 0, "wwww............", "gp00            "}, /* still the file's */
		{FILE_LOAD, 1, 0, 0, 0, 'q', "wwww............", "gp00            "},
		{DONTNEED, 1, 1, 0, 0, 0, "wwww............", "gq00            "},
		{STORE, 3, 0, 's', 0, 0, "wwww............", "gq0s            "},
		{FILE_SIZE, 2 * P + 1, 0, 0, 0, 0, "wwww............", "gq0!            "}, /* the copy too */
		{FILE_SIZE, 4 * P, 0, 0, 0, 0, "wwww............", "gq00            "},
		{MOVE, 0, 4, 8, 4, 0, "........wwww....", "        gq00    "},
	};

	(void)state;
	BOTH(actions);
}

static void shared_file_is_the_file(void **state)
{
	static const struct action actions[] = {
		{MAPF_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{MAPF_SHARED, 4, 2, W, 1, 0, "ww..ww..........", "00  00          "},
		{STORE, 1, 0, 'x', 0, 0, "ww..ww..........", "0x  x0          "},
		{FILE_LOAD, 1, 0, 0, 0, 'x', "ww..ww..........", "0x  x0          "},
		{FILE_STORE, 2, 0, 'y', 0, 0, "ww..ww..........", "0x  xy          "},
		{SYNC, 0, 2, TULOU_MS_SYNC, 0, 0, "ww..ww..........", "0x  xy          "},
		{SYNC, 1, 2, TULOU_MS_SYNC, 0, -TULOU_ENOMEM, "ww..ww..........", "0x  xy          "},
		{MAPF_READ_ONLY, 8, 1, W, 0, -TULOU_EACCES, "ww..ww..........", "0x  xy          "},
		{MAPF_READ_ONLY, 8, 1, R, 1, 0, "ww..ww..r.......", "0x  xy  x       "},
		{PROTECT, 8, 1, W, 0, -TULOU_EACCES, "ww..ww..r.......", "0x  xy  x       "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..ww..r.......", "0x  xy  x       "},
		{FILE_SIZE, P, 0, 0, 0, 0, "ww..ww..r.......", "0!  !!  !       "},
	};

	(void)state;
	BOTH(actions);
}

static void shared_anonymous_has_its_size(void **state)
{
	static const struct action actions[] = {
		{MAPA_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'a', 0, 0, "ww..............", "0a              "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..............", "0a              "},
		{MOVE_KEEP, 0, 2, 4, 2, 0, "ww..ww..........", "0a  0a          "},
		{STORE, 4, 0, 'b', 0, 0, "ww..ww..........", "ba  ba          "},
		{UNMAP, 0, 2, 0, 0, 0, "....ww..........", "    ba          "},
		{GROW, 4, 2, 3, 0, 0, "....www.........", "    ba!         "},
		{MAPA, 5, 1, W, 0, 0, "....www.........", "    b0!         "},
	};

	(void)state;
	BOTH(actions);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_map_store_unmap),
		cmocka_unit_test(map_replaces_contents),
		cmocka_unit_test(protect_parts),
		cmocka_unit_test(grow_in_place),
		cmocka_unit_test(grow_over_the_end_of_a_file),
		cmocka_unit_test(move_with_contents),
		cmocka_unit_test(private_file_copies_on_write),
		cmocka_unit_test(shared_file_is_the_file),
		cmocka_unit_test(shared_anonymous_has_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

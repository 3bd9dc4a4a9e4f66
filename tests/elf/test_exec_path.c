/* SPDX-License-Identifier: MIT */
/*
 * test_exec_path.c - exec_path_resolve() against the kernel's own answer for the open file (/proc/self/fd): every name that it
 * resolves, it resolves to that.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/elf/exec_path.h"

enum { PATH_SIZE = 4096 };

static char top[64] = "/tmp/exec_path.XXXXXX";

static void file_make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("a", 0700) | mkdir("a/b", 0700) | mkdir("c", 0700), 0);
	file_make("a/b/file");
	file_make("c/other");
	assert_int_equal(symlink("a", "to_a"), 0);
	assert_int_equal(symlink("b/file", "a/near"), 0);
	assert_int_equal(symlink("../c/other", "a/up"), 0);
	assert_int_equal(symlink("to_a/near", "far"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {
		"a/b/file", "c/other", "to_a", "a/near", "a/up", "far", "loop", "dangling", "absolute"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	rmdir("a/b");
	rmdir("a");
	rmdir("c");
	return rmdir(top);
}

/* Does it resolve `name`? If so, as the kernel does. */
static bool resolves(const char *name)
{
	char ours[PATH_SIZE], theirs[PATH_SIZE] = "", link[64];
	struct stat about;
	int fd = open(name, O_PATH);
	bool done;

	assert_true(fd >= 0 && fstat(fd, &about) == 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_true(readlink(link, theirs, sizeof(theirs) - 1) > 0);
	done = exec_path_resolve(name, about.st_dev, about.st_ino, ours, sizeof(ours));
	if (done)
		assert_string_equal(ours, theirs);
	close(fd);
	return done;
}

static void test_names(void **state)
{
	char long_name[PATH_SIZE] = "", absolute[128], digits[64];

	(void)state;
	assert_true(resolves("a/b/file") && resolves("a//b///file") && resolves("to_a/b/file"));
	assert_true(resolves("a/near") && resolves("far") && resolves("to_a/near"));
	assert_true(resolves("/bin/sh") && resolves("//bin//sh") && resolves("/usr/bin/env"));
	snprintf(absolute, sizeof(absolute), "%s/to_a/b/file", top);
	assert_true(resolves(absolute));
	assert_int_equal(symlink(absolute, "absolute"), 0);
	assert_true(resolves("absolute"));
	while (strlen(long_name) + strlen("////////a/b/file") + 1 < sizeof(long_name) - sizeof(top))
		strcat(long_name, "////////");
	strcat(long_name, "a/b/file");
	assert_true(resolves(long_name + strspn(long_name, "/")));
	assert_true(resolves("./a/b/file") && resolves("./a/./b/.//file") && resolves("to_a/././near"));
	/* not simply said */
	assert_false(resolves("a/../c/other"));
	assert_false(resolves("a/up"));
	snprintf(digits, sizeof(digits), "/proc/self/fd/%d", open("c/other", O_RDONLY));
	resolves(digits); /* if at all, as the kernel does */
}

static void test_refused(void **state)
{
	char path[PATH_SIZE];
	struct stat about;

	(void)state;
	assert_int_equal(stat("a/b/file", &about), 0);
	assert_true(exec_path_resolve("a/b/file", about.st_dev, about.st_ino, path, sizeof(path)));
	assert_false(exec_path_resolve("c/other", about.st_dev, about.st_ino, path, sizeof(path))); /* another file by now */
	assert_false(exec_path_resolve("loop", about.st_dev, about.st_ino, path, sizeof(path)));
	assert_false(exec_path_resolve("dangling", about.st_dev, about.st_ino, path, sizeof(path)));
	assert_false(exec_path_resolve("a/b/file/", about.st_dev, about.st_ino + 1, path, sizeof(path)));
	assert_false(exec_path_resolve("", about.st_dev, about.st_ino, path, sizeof(path)));
	/* every room that is too small */
	for (size_t room = 1; room < strlen(top) + sizeof("/a/b/file"); room++)
		assert_false(exec_path_resolve("far", about.st_dev, about.st_ino, path, room));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_refused)};

	return cmocka_run_group_tests(tests, setup, teardown);
}

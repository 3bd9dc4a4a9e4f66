/* SPDX-License-Identifier: MIT */
/* show - print arguments and environment as they came. */
#include <stdio.h>

extern char **environ;

int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("argv[%d] = <%s>\n", i, argv[i]);
	printf("argv[argc] is %s\n", argv[argc] ? "set" : "NULL");
	for (char **at = environ; *at; at++)
		printf("%s\n", *at);
	return 0;
}

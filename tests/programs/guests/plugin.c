/* SPDX-License-Identifier: MIT */
/* plugin - the library that `load` opens; `-DPLUGIN=n` makes several. */
#include <stdlib.h>

static int *state;
_Thread_local int plugin_own = PLUGIN;

__attribute__((constructor)) static void begin(void)
{
	state = malloc(sizeof(*state));
	*state = PLUGIN;
}

__attribute__((destructor)) static void end(void)
{
	free(state);
}

int plugin_call(int (*back)(int), int value);
int plugin_call(int (*back)(int), int value)
{
	return back(value) * 10 + *state + (plugin_own++ - PLUGIN);
}

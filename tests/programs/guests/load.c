/* SPDX-License-Identifier: MIT */
/* load - dlopen and dlclose of libraries, again and again, with threads that use them. argv: the libraries. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include "expect.h"

typedef int plugin_function(int (*back)(int), int value);

static int back(int value)
{
	return value + 1;
}

static void *call_in_thread(void *arg)
{
	plugin_function *call = (plugin_function *)arg;

	return (void *)(long)call(back, 6);
}

int main(int argc, char **argv)
{
	plugin_function *call;
	pthread_t thread;
	void *handle, *result;

	for (int round = 0; round < 50; round++) {
		for (int i = 1; i < argc; i++) {
			handle = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
			if (!handle)
				fprintf(stderr, "%s\n", dlerror());
			EXPECT(handle);
			*(void **)&call = dlsym(handle, "plugin_call");
			EXPECT(call && call(back, 1) == 20 + i && call(back, 1) == 21 + i);
			EXPECT(pthread_create(&thread, NULL, call_in_thread, (void *)call) == 0);
			EXPECT(pthread_join(thread, &result) == 0 && (long)result == 70 + i);
			EXPECT(dlclose(handle) == 0);
		}
	}
	EXPECT(dlopen("/nonexistent.so", RTLD_NOW) == NULL);
	printf("%d libraries, opened 50 times\n", argc - 1);
	return 0;
}

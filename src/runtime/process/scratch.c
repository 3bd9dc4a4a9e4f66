/* SPDX-License-Identifier: MIT */
#include "runtime/process/scratch.h"

#include "base/compiler.h"
#include "runtime/process/thread.h"

/* One string of any length fits behind 64 KiB of others; more are mapped. Not more than that: the large zeros must not hold a whole
 * huge page (tools/check-wx). */
enum { SCRATCHES = 4, STRINGS_LENT = 3 * STRINGS_ONE_MAX / 2 };

static struct scratch {
	uint32_t holder; /* a task's token; that of a dead one is as good as 0; atomic */
	struct program program;
	char argv[STRINGS_LENT], envp[STRINGS_LENT];
} scratches[SCRATCHES] LARGE_ZEROS;

static struct scratch *scratch_claim(void)
{
	for (struct scratch *s = scratches; s < scratches + SCRATCHES; s++) {
		uint32_t seen = __atomic_load_n(&s->holder, __ATOMIC_RELAXED);

		if ((!seen || !thread_token_alive(seen)) &&
			__atomic_compare_exchange_n(
				&s->holder, &seen, thread_current()->state, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return s;
	}
	return NULL;
}

struct program *scratch_begin(struct strings *argv, struct strings *envp)
{
	struct scratch *scratch = scratch_claim();

	strings_init(argv);
	strings_init(envp);
	if (!scratch)
		return program_create();
	strings_init_lent(argv, scratch->argv, sizeof scratch->argv);
	strings_init_lent(envp, scratch->envp, sizeof scratch->envp);
	program_init(&scratch->program);
	return &scratch->program;
}

void scratch_end(struct program *program, struct strings *argv, struct strings *envp)
{
	strings_fini(argv);
	strings_fini(envp);
	for (struct scratch *s = scratches; s < scratches + SCRATCHES; s++)
		if (program == &s->program) {
			program_close(program);
			__atomic_store_n(&s->holder, 0, __ATOMIC_RELEASE);
			return;
		}
	program_destroy(program);
}

/* SPDX-License-Identifier: MIT */
#include "runtime/elf/stack.h"

#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"

enum {
	RANDOM_SIZE = 16,
	ALIGNMENT = 16,
	RANDOM_INSECURE = 4, /* GRND_INSECURE: never wait, as the kernel does not when it fills AT_RANDOM */
};

static const char platform[] = "x86_64";

size_t stack_need(const struct strings *argv, const struct strings *envp, const char *execfn)
{
	size_t texts = sizeof(long) + text_length(execfn) + 1 + envp->size + argv->size + sizeof(platform) + RANDOM_SIZE;
	size_t words = 1 + ((size_t)argv->count + 1) + ((size_t)envp->count + 1);
	return texts + words * sizeof(long) + AUXV_MAX * sizeof(struct auxv_pair) + 2 * ALIGNMENT;
}

static uintptr_t push(uintptr_t at, const void *bytes, size_t size)
{
	at -= size;
	bytes_copy((void *)at, bytes, size);
	return at;
}

/* The addresses of `count` strings that lie packed at `text`, and a NULL; returns the word behind. */
static uintptr_t *pointers_put(uintptr_t *at, uintptr_t text, unsigned count)
{
	while (count--) {
		*at++ = text;
		text += text_length((const char *)text) + 1;
	}
	*at++ = 0;
	return at;
}

static void random_put(void *at)
{
	if (sys3(__NR_getrandom, (long)at, RANDOM_SIZE, RANDOM_INSECURE) != RANDOM_SIZE)
		bytes_zero(at, RANDOM_SIZE); /* a sandbox that forbids it: predictable canaries, but the program runs */
}

void stack_build(struct program_start *out, const struct strings *argv, const struct strings *envp, const char *execfn,
	struct auxv_program *program, const unsigned long *host_auxv)
{
	uintptr_t at = out->stack_end - sizeof(long);
	out->execfn = program->execfn = at = push(at, execfn, text_length(execfn) + 1);
	out->env_end = at;
	out->env_start = at = push(at, envp->bytes, envp->size);
	out->arg_end = at;
	out->arg_start = at = push(at, argv->bytes, argv->size);
	at &= ~(uintptr_t)(ALIGNMENT - 1);
	program->platform = at = push(at, platform, sizeof(platform));
	program->random = at -= RANDOM_SIZE;
	random_put((void *)at);

	struct auxv_pair auxv[AUXV_MAX];
	size_t pairs = auxv_fill(auxv, program, host_auxv);
	out->auxv_size = pairs * sizeof(auxv[0]);
	size_t words = 1 + ((size_t)argv->count + 1) + ((size_t)envp->count + 1);
	out->sp = (at - words * sizeof(long) - out->auxv_size) & ~(uintptr_t)(ALIGNMENT - 1);

	uintptr_t *word = (uintptr_t *)out->sp;
	*word++ = argv->count;
	word = pointers_put(word, out->arg_start, argv->count);
	word = pointers_put(word, out->env_start, envp->count);
	out->auxv = (uintptr_t)word;
	bytes_copy(word, auxv, out->auxv_size);
}

/* SPDX-License-Identifier: MIT */
/*
 * seccomp_random - filters made by chance, up to three on top of each other, and what becomes of calls under them: through libc's own sites, hot
 * or not, and of one that is nobody's but the kernel's. All calls fail with EINVAL, or have no effect, when they are allowed.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "filter.h"
#include "../../random/random_bpf.h"

enum { SEEDS = 400, CALLS = 24, FILTERS_MOST = 3, WARM = 20, SIGSYS_RESULT = 100000, SHOWN = 8 };

/* Written by the child, also by one that dies. */
static struct {
	int done;
	int results[CALLS];
} * shared;
static pid_t parent;

static void caught(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = SIGSYS_RESULT + info->si_errno;
}

/* Only what is called here is judged. Addresses differ from run to run, and wrappers do not set the last three arguments. */
static void install_random(struct prng *prng)
{
	static const unsigned numbers[] = {SYS_munmap, SYS_mprotect, SYS_madvise, SYS_msync, SYS_getppid};
	struct sock_filter code[COUNT(numbers) + 2 + RANDOM_BPF_MOST], *body = code + COUNT(numbers) + 2;
	unsigned count = random_bpf(prng, body);
	long result;

	code[0] = (struct sock_filter)LOAD(nr);
	for (unsigned i = 0; i < COUNT(numbers); i++)
		code[i + 1] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], (uint8_t)(COUNT(numbers) - i), 0);
	code[COUNT(numbers) + 1] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	for (unsigned n = 0; n < count; n++)
		if (body[n].code == (BPF_LD | BPF_W | BPF_ABS) && body[n].k >= offsetof(struct seccomp_data, instruction_pointer))
			body[n].k = offsetof(struct seccomp_data, args) + body[n].k % 24;
	result = install_code(0, code, COUNT(numbers) + 2 + count);
	EXPECT(result == 0 || errno == EINVAL); /* it may read memory that it has not written */
}

static int call(struct prng *prng)
{
	char *address = (char *)(prng_next(prng) >> prng_below(prng, 60) | 1);
	size_t size = prng_next(prng) >> prng_below(prng, 60);
	int flags = (int)prng_below(prng, 40);
	long result;

	errno = 0;
	switch (prng_below(prng, 5)) {
	case 0:
		result = munmap(address, size);
		break;
	case 1:
		result = mprotect(address, size, flags);
		break;
	case 2:
		result = madvise(address, size, flags);
		break;
	case 3:
		result = msync(address, size, flags);
		break;
	default:
		result = syscall(SYS_getppid, address, size, flags);
		if (result == parent)
			result = 1;
	}
	return result < 0 ? -errno : (int)result;
}

static void child(uint64_t seed)
{
	struct prng prng = {seed};
	unsigned warm = prng_below(&prng, 2) * WARM;

	for (unsigned i = 0; i < warm; i++) {
		EXPECT(munmap((void *)1, 1) == -1 && mprotect((void *)1, 1, 0) == -1 && madvise((void *)1, 1, 0) == -1 &&
			msync((void *)1, 1, 0) == -1);
	}
	parent = getppid();
	handle(SIGSYS, caught, 0);
	for (unsigned n = 1 + prng_below(&prng, FILTERS_MOST); n; n--)
		install_random(&prng);
	for (shared->done = 0; shared->done < CALLS; shared->done++)
		shared->results[shared->done] = call(&prng);
	_exit(0);
}

int main(void)
{
	unsigned deaths = 0, signals = 0, refused = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT(shared != MAP_FAILED);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		int status;
		pid_t pid;

		shared->done = -1;
		pid = fork();
		if (pid == 0)
			child(seed);
		EXPECT(waitpid(pid, &status, 0) == pid);
		printf("%lu: %x, %d calls:", (unsigned long)seed, (unsigned)status, shared->done);
		for (int i = 0; i < shared->done; i++) {
			if (i < SHOWN)
				printf(" %d", shared->results[i]);
			signals += shared->results[i] >= SIGSYS_RESULT;
			refused += shared->results[i] < 0 && shared->results[i] != -EINVAL;
		}
		puts("");
		deaths += status != 0;
	}
	EXPECT(deaths > SEEDS / 10 && deaths < SEEDS && signals > SEEDS / 4 && refused > SEEDS / 2);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * kills - processes that are killed wherever they are, beside others who must not notice.
 *
 *     kills driver COUNT SECONDS STOP    keep VICTIMS victims running and SIGKILL one after the other at random, until COUNT or SECONDS;
 *                                        says how many, and creates the file STOP
 *     kills victim SEED                  map, unmap, protect, move, share, grow the heap and spawn for ever
 *     kills leaf                         a little of it, then exit
 *     kills bystander STOP               map, write, verify and unmap until STOP is there; a byte that is not its own ends it with 1
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include "expect.h"

enum { PAGE = 4096, VICTIMS = 6, KEPT = 8, LEAF_OPS = 10, LONGEST_US = 1500 };

extern char **environ;

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return state;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t spawn(const char *mode, const char *argument)
{
	char *argv[] = {(char *)"kills", (char *)mode, (char *)argument, NULL};
	pid_t pid;

	return posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) ? -1 : pid;
}

/* ---- memory that must stay as it is ---------------------------------------------------------------------------------------- */

struct piece {
	uint64_t *at;
	size_t size, mark;
};

static void piece_make(struct piece *piece)
{
	size_t size = (1 + next() % 40) * PAGE;
	uint64_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | (next() % 4 ? MAP_PRIVATE : MAP_SHARED), -1, 0);

	EXPECT(at != MAP_FAILED);
	*piece = (struct piece){at, size, next()};
	for (size_t i = 0; i < size / 8; i += PAGE / 8) {
		EXPECT(at[i] == 0);
		at[i] = piece->mark + i;
	}
}

static void piece_verify(const struct piece *piece)
{
	for (size_t i = 0; i < piece->size / 8; i += PAGE / 8)
		EXPECT(piece->at[i] == piece->mark + i);
}

/* One round over a few pieces: one of them is looked at, and goes, moves, or is protected for a moment. */
static void piece_change(struct piece *pieces)
{
	struct piece *piece = &pieces[next() % KEPT];
	void *moved;

	if (!piece->at) {
		piece_make(piece);
		return;
	}
	piece_verify(piece);
	switch (next() % 4) {
	case 0:
		moved = mremap(piece->at, piece->size, piece->size + PAGE, MREMAP_MAYMOVE);
		EXPECT(moved != MAP_FAILED);
		piece->at = moved;
		break;
	case 1:
		EXPECT(mprotect(piece->at, piece->size, PROT_READ) == 0);
		piece_verify(piece);
		EXPECT(mprotect(piece->at, PAGE, PROT_READ | PROT_WRITE) == 0);
		EXPECT(mprotect(piece->at, piece->size, PROT_READ | PROT_WRITE) == 0);
		break;
	default:
		EXPECT(munmap(piece->at, piece->size) == 0);
		piece->at = NULL;
	}
}

/* ---- the four -------------------------------------------------------------------------------------------------------------- */

/* The heap grows, and gives back at most what was added here: below lie libc's thread block and its malloc's memory. */
static void heap_change(void)
{
	static long added;
	long pages = next() % 2 ? 5 : -3;

	if (added + pages >= 0 && sbrk(pages * PAGE) != (void *)-1)
		added += pages;
}

static void victim_op(struct piece *pieces)
{
	int fd;
	char *file;

	switch (next() % 12) {
	case 0:
		heap_change();
		break;
	case 1:
		fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		file = mmap(NULL, 3 * PAGE, PROT_READ, next() % 2 ? MAP_PRIVATE : MAP_SHARED, fd, 0);
		close(fd);
		if (file != MAP_FAILED)
			munmap(file, 3 * PAGE);
		break;
	case 2:
		file = mmap(NULL, 30 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (file != MAP_FAILED) {
			mmap(file + 5 * PAGE, 7 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			munmap(file, 30 * PAGE);
		}
		break;
	default:
		piece_change(pieces);
	}
}

/* A victim shall end by our SIGKILL, and not by itself: then say where. */
static void crashed(int signo, siginfo_t *info, void *context)
{
	const greg_t *regs = ((const ucontext_t *)context)->uc_mcontext.gregs;
	char text[120];

	EXPECT(write(2, text,
		       (size_t)snprintf(text, sizeof(text), "victim: signal %d, address %p, at %llx, rsp %llx\n", signo,
			       info->si_addr, (unsigned long long)regs[REG_RIP], (unsigned long long)regs[REG_RSP])) > 0);
	_exit(1);
}

static __attribute__((noreturn)) void victim(void)
{
	struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO};
	struct piece pieces[KEPT] = {{0}};
	int status;

	EXPECT(sigaction(SIGSEGV, &action, NULL) == 0);
	for (;;) {
		victim_op(pieces);
		if (next() % 100 == 0)
			spawn("leaf", NULL);
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
	}
}

static int leaf(void)
{
	struct piece pieces[KEPT] = {{0}};

	for (int i = 0; i < LEAF_OPS; i++)
		victim_op(pieces);
	return 0;
}

static int bystander(const char *stop)
{
	struct piece pieces[KEPT] = {{0}};
	unsigned long rounds = 0;

	for (; access(stop, F_OK); rounds++)
		piece_change(pieces);
	for (int i = 0; i < KEPT; i++)
		if (pieces[i].at)
			piece_verify(&pieces[i]);
	printf("bystander: %s\n", rounds > 100 ? "verified" : "hardly ran");
	return 0;
}

static pid_t victim_start(void)
{
	char seed[30];

	snprintf(seed, sizeof(seed), "%lu", (unsigned long)next() | 1);
	return spawn("victim", seed);
}

static void victim_killed(pid_t pid)
{
	int status = 0;

	EXPECT(waitpid(pid, &status, 0) == pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		printf("a victim ends with status %x\n", (unsigned)status);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Some of them at once; they are waited for together. Their number. */
static unsigned kill_some(pid_t *pids)
{
	bool chosen[VICTIMS];
	unsigned kills = 0;

	for (int i = 0; i < VICTIMS; i++) {
		chosen[i] = next() % 2;
		kills += chosen[i];
		if (chosen[i])
			EXPECT(kill(pids[i], SIGKILL) == 0);
	}
	for (int i = 0; i < VICTIMS; i++)
		if (chosen[i])
			victim_killed(pids[i]);
	for (int i = 0; i < VICTIMS; i++)
		if (chosen[i])
			EXPECT((pids[i] = victim_start()) > 0);
	return kills;
}

static int driver(unsigned long count, double seconds, const char *stop)
{
	struct piece pieces[KEPT] = {{0}};
	double end = now() + seconds;
	pid_t pids[VICTIMS];
	unsigned long kills = 0;

	for (int i = 0; i < VICTIMS; i++)
		EXPECT((pids[i] = victim_start()) > 0);
	while (kills < count && now() < end) {
		usleep((useconds_t)(next() % LONGEST_US));
		kills += kill_some(pids);
		piece_change(pieces);
	}
	for (int i = 0; i < VICTIMS; i++) {
		EXPECT(kill(pids[i], SIGKILL) == 0);
		victim_killed(pids[i]);
	}
	printf("%lu kills\n", kills + VICTIMS);
	fflush(stdout);
	close(open(stop, O_WRONLY | O_CREAT, 0600));
	return 0;
}

int main(int argc, char **argv)
{
	EXPECT(argc >= 2);
	state = argc > 2 && strcmp(argv[1], "victim") == 0 ? strtoul(argv[2], NULL, 10) : (uint64_t)getpid() * 2654435761u + 1;
	if (strcmp(argv[1], "driver") == 0)
		return driver(strtoul(argv[2], NULL, 10), atof(argv[3]), argv[4]);
	if (strcmp(argv[1], "victim") == 0)
		victim();
	if (strcmp(argv[1], "leaf") == 0)
		return leaf();
	return bystander(argv[2]);
}

/* SPDX-License-Identifier: MIT */
/*
 * images - programs that are started again and again: each finds its memory as the files have it, whatever those before did to theirs.
 *
 *     images all              every way to spoil, each seen by the next
 *     images threads          the same from four threads at once
 *     images many COUNT       COUNT of them, one after the other
 *     images killed COUNT     COUNT of them, most killed while they start, run, or end
 *     images spliced          pages of those that have ended, which a pipe still holds
 *     images files DIRECTORY  a program that is replaced, renamed and written in place, between its starts
 *     images look KIND        verify, then spoil one's own memory; KIND 0 is the first to
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { PAGE = 4096, WORDS = 2 * PAGE / 8, THREADS = 4 };
#define ALIGNED __attribute__((aligned(PAGE)))
#define EVEN(n) [n] = 0x1234567890abcdef

extern char **environ;

static const volatile uint64_t constants[WORDS] ALIGNED = {EVEN(0), EVEN(511), EVEN(512), EVEN(1023)};
static volatile uint64_t data[WORDS] ALIGNED = {EVEN(0), EVEN(511), EVEN(512), EVEN(1023)};
static volatile uint64_t zeros[4 * WORDS] ALIGNED;
static const volatile uint64_t *const volatile pointers[512] ALIGNED = {[0] = constants, [511] = constants};

static ALIGNED __attribute__((noinline, section(".text.own"))) int text(int x)
{
	return x + 42;
}

/* ---- as the files have it -------------------------------------------------------------------------------------------------- */

static void marks_verify(const volatile uint64_t *at)
{
	for (int i = 0; i < WORDS; i++)
		EXPECT(at[i] == (i == 0 || i == 511 || i == 512 || i == 1023 ? 0x1234567890abcdef : 0));
}

static void verify(void)
{
	static volatile int begun;

	EXPECT(!begun++);
	marks_verify(constants);
	marks_verify(data);
	for (int i = 0; i < 4 * WORDS; i++)
		EXPECT(zeros[i] == 0);
	for (int i = 0; i < 512; i++)
		EXPECT(pointers[i] == (i == 0 || i == 511 ? constants : NULL));
	EXPECT(text(1) == 43);
	EXPECT(rand() == 1804289383);
	EXPECT(optind == 1);
	EXPECT(getenv("IMAGES_SECRET") == NULL);
}

/* The lines of one's map but for addresses: how many, and with what rights. */
static uint64_t shape(void)
{
	char line[512], perms[8], path[400];
	uint64_t hash = 1469598103934665603u;
	unsigned long start, end, offset;
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof line, maps)) {
		path[0] = 0;
		EXPECT(sscanf(line, "%lx-%lx %7s %lx %*s %*s %399s", &start, &end, perms, &offset, path) >= 4);
		if (path[0] != '/')
			continue;
		hash = (hash ^ (end - start)) * 1099511628211u;
		hash = (hash ^ offset) * 1099511628211u;
		for (const char *c = perms; *c; c++)
			hash = (hash ^ (uint64_t)*c) * 1099511628211u;
	}
	fclose(maps);
	return hash;
}

/* ---- ways to spoil it ------------------------------------------------------------------------------------------------------- */

static void *as_memory(const volatile void *at)
{
	return (void *)(uintptr_t)at;
}

static void write_protected(const volatile void *at, int prot)
{
	EXPECT(mprotect(as_memory(at), PAGE, PROT_READ | PROT_WRITE) == 0);
	memset(as_memory(at), 0xc3, PAGE);
	EXPECT(mprotect(as_memory(at), PAGE, prot) == 0);
}

/* As a debugger writes, or not where that is not allowed. */
static void write_memory(const volatile void *at)
{
	char bytes[PAGE];
	int fd = open("/proc/self/mem", O_RDWR);

	memset(bytes, 0xc3, sizeof bytes);
	if (fd >= 0 && pwrite(fd, bytes, sizeof bytes, (off_t)(uintptr_t)at) < 0)
		EXPECT(errno == EIO || errno == EACCES || errno == EPERM);
	close(fd);
}

static void use_stack(int depth)
{
	volatile char room[64 << 10];

	memset((char *)room, 0x5a, sizeof room);
	if (depth)
		use_stack(depth - 1);
	EXPECT(room[0] == 0x5a);
}

static void *forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *libc_page(void)
{
	return (void *)((uintptr_t)&environ &
			~(uintptr_t)(PAGE - 1)); /* perhaps a copy in our own bss: a page that can be written */
}

/* A filter that kills at calls that an ordinary end does not take. */
static void sandbox(void)
{
	const unsigned none[] = {SYS_mincore, SYS_madvise, SYS_ioctl, SYS_pread64, SYS_openat};
	struct sock_filter code[2 * sizeof none / sizeof *none + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.filter = code};
	unsigned at = 1;

	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, none[i], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)at;
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (getpid() % 2)
		EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	else
		EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

static void spoil_everything(void)
{
	memset(as_memory(data), 0xee, sizeof data);
	memset(as_memory(zeros), 0xee, sizeof zeros);
	srand(17);
	optind = 77;
	setenv("IMAGES_SECRET", "secret", 1);
	free(malloc(100 << 10));
	use_stack(20);
}

static void spoil(int kind)
{
	pthread_t thread;
	void *at = as_memory(constants);

	spoil_everything();
	switch (kind) {
	case 1:
		write_protected(constants, PROT_READ);
		break;
	case 2:
		write_protected((void *)text, PROT_READ | PROT_EXEC);
		break;
	case 3:
		write_protected(pointers, PROT_READ);
		break;
	case 4:
		write_memory(constants);
		write_memory((void *)text);
		break;
	case 5:
		EXPECT(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
		break;
	case 6:
		EXPECT(munmap(at, PAGE) == 0);
		break;
	case 7:
		EXPECT(madvise(at, PAGE, MADV_RANDOM) == 0);
		EXPECT(madvise(as_memory(zeros), PAGE, MADV_DONTFORK) == 0);
		break;
	case 8:
		if (mlock(at, PAGE) < 0)
			EXPECT(errno == EPERM || errno == ENOMEM);
		break;
	case 9:
		EXPECT(mprotect(at, PAGE, PROT_NONE) == 0);
		break;
	case 10:
		EXPECT(mprotect(as_memory(data), PAGE, PROT_READ) == 0);
		EXPECT(mprotect(as_memory(zeros), PAGE, PROT_READ | PROT_EXEC) == 0);
		break;
	case 11:
		for (int i = 0; i < THREADS; i++)
			EXPECT(pthread_create(&thread, NULL, forever, NULL) == 0);
		break;
	case 12:
		EXPECT(mremap(as_memory(zeros), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, as_memory(data)) == as_memory(data));
		break;
	case 13:
		EXPECT(dlopen("libm.so.6", RTLD_NOW) != NULL);
		break;
	case 14:
		EXPECT(madvise(as_memory(data), PAGE, MADV_DONTNEED) == 0 && data[0] == 0x1234567890abcdef);
		EXPECT(mprotect(libc_page(), PAGE, PROT_READ | PROT_WRITE) == 0);
		break;
	case 15:
		raise(SIGKILL);
		break;
	case 17:
		sandbox();
		break;
	case 16:
		EXPECT(mlockall(MCL_FUTURE) == 0 || errno == EPERM || errno == ENOMEM);
		break;
	default:
		break;
	}
}

enum { KINDS = 18, KILLED = 15 };

/* ---- starting them ---------------------------------------------------------------------------------------------------------- */

static int run_with(const char *program, char **environment, char *const *argv)
{
	pid_t pid;
	int status;

	EXPECT(posix_spawn(&pid, program, NULL, NULL, argv, environment) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid);
	return status;
}

static int look_with(int kind, uint64_t expected, char **environment)
{
	char number[16], wanted[32];
	char *argv[] = {(char *)"images", (char *)"look", number, wanted, NULL};

	snprintf(number, sizeof number, "%d", kind);
	snprintf(wanted, sizeof wanted, "%lx", (unsigned long)expected);
	return run_with("/proc/self/exe", environment, argv);
}

/* `expected`: the shape of its map. */
static void look(int kind, uint64_t expected)
{
	int status = look_with(kind, expected, environ);

	EXPECT(kind == KILLED ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0);
}

/* A debugger that comes, writes a breakpoint, and leaves. */
static void look_debugged(uint64_t expected)
{
	char wanted[32];
	char *argv[] = {(char *)"images", (char *)"hold", wanted, NULL};
	uintptr_t at;
	int from[2], status;
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(wanted, sizeof wanted, "%lx", (unsigned long)expected);
	EXPECT(pipe(from) == 0 && posix_spawn_file_actions_init(&actions) == 0);
	EXPECT(posix_spawn_file_actions_adddup2(&actions, from[1], 1) == 0);
	EXPECT(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
	EXPECT(read(from[0], &at, sizeof at) == sizeof at);
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) {
		EXPECT(waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status));
		EXPECT(ptrace(PTRACE_POKEDATA, pid, at, 0xcccccccccccccccc) == 0);
		EXPECT(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
	}
	kill(pid, SIGUSR1);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	close(from[0]);
	close(from[1]);
	posix_spawn_file_actions_destroy(&actions);
}

/* ---- pages that the kernel holds longer than the process lives ---------------------------------------------------------------- */

/* Pages of data and of zeros, not as the file has them, go into the pipe that is its output: the pages, not their bytes. */
static int splice_out(void)
{
	struct iovec piece = {(void *)data, 2 * PAGE}, more = {(void *)zeros, 2 * PAGE};

	verify();
	memset((void *)data, 5, 2 * PAGE);
	memset((void *)zeros, 6, 2 * PAGE);
	EXPECT(vmsplice(1, &piece, 1, 0) == 2 * PAGE && vmsplice(1, &more, 1, 0) == 2 * PAGE);
	return 0;
}

/* Who comes after them has other pages; the pipe still has theirs. */
static void spliced(uint64_t expected)
{
	char *argv[] = {(char *)"images", (char *)"splice", NULL};
	posix_spawn_file_actions_t actions;
	static unsigned char bytes[4 * PAGE];
	int pipes[2], status;
	pid_t pid;

	for (int turn = 0; turn < 8; turn++) {
		EXPECT(pipe2(pipes, O_CLOEXEC) == 0 && posix_spawn_file_actions_init(&actions) == 0);
		EXPECT(posix_spawn_file_actions_adddup2(&actions, pipes[1], 1) == 0);
		EXPECT(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
		look(0, expected);
		for (size_t have = 0; have < sizeof bytes;) {
			ssize_t got = read(pipes[0], bytes + have, sizeof bytes - have);
			EXPECT(got > 0);
			have += (size_t)got;
		}
		for (size_t i = 0; i < sizeof bytes; i++)
			EXPECT(bytes[i] == (i < 2 * PAGE ? 5 : 6));
		close(pipes[0]);
		close(pipes[1]);
		posix_spawn_file_actions_destroy(&actions);
	}
}

static void end_well(int signo)
{
	(void)signo;
	exit(0); /* as an ordinary program ends */
}

static int hold(uint64_t expected)
{
	uintptr_t at = (uintptr_t)constants;
	sigset_t set, before;

	verify();
	EXPECT(!expected || shape() == expected);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	signal(SIGUSR1, end_well);
	EXPECT(write(1, &at, sizeof at) == sizeof at);
	sigsuspend(&before);
	return 1;
}

static void all(uint64_t expected)
{
	char *bound[] = {(char *)"LD_BIND_NOW=1", NULL}, *preloaded[] = {(char *)"LD_PRELOAD=libm.so.6", NULL};

	for (int kind = 0; kind < KINDS; kind++) {
		look(kind, expected);
		look(0, expected);
		look(0, expected);
	}
	look_debugged(expected);
	look(0, expected);
	EXPECT(look_with(0, 0, bound) == 0);
	EXPECT(look_with(0, 0, preloaded) == 0);
	look(0, expected);
	EXPECT(look_with(0, 0, preloaded) == 0);
	EXPECT(look_with(13, 0, preloaded) == 0);
	look(0, expected);
}

static uint64_t first_shape(void)
{
	char line[32] = "";
	char *argv[] = {(char *)"images", (char *)"shape", NULL};
	posix_spawn_file_actions_t actions;
	int from[2], status;
	pid_t pid;

	EXPECT(pipe(from) == 0 && posix_spawn_file_actions_init(&actions) == 0);
	EXPECT(posix_spawn_file_actions_adddup2(&actions, from[1], 1) == 0);
	EXPECT(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(read(from[0], line, sizeof line - 1) > 0);
	close(from[0]);
	close(from[1]);
	return strtoul(line, NULL, 16);
}

static void *thread_all(void *arg)
{
	const uint64_t *expected = arg;

	for (int i = 0; i < 2; i++)
		for (int kind = 0; kind < KINDS; kind++)
			look(kind, *expected);
	return NULL;
}

static void threads(uint64_t expected)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&thread[i], NULL, thread_all, &expected) == 0);
	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(thread[i], NULL) == 0);
}

/* ---- killed anywhere --------------------------------------------------------------------------------------------------------- */

static void killed(int count, uint64_t expected)
{
	char wanted[32];
	char *argv[] = {(char *)"images", (char *)"look", (char *)"0", wanted, NULL};
	uint32_t random = 1;

	snprintf(wanted, sizeof wanted, "%lx", (unsigned long)expected);
	for (int i = 0; i < count; i++) {
		int status;
		pid_t pid;

		EXPECT(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) == 0);
		random = random * 1103515245 + 12345;
		if (i % 8) {
			const struct timespec a_while = {0, (random >> 8) % 1000000};
			nanosleep(&a_while, NULL);
			kill(pid, SIGKILL);
		}
		EXPECT(waitpid(pid, &status, 0) == pid);
		EXPECT(status == 0 || (i % 8 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
	}
}

/* ---- files that change ------------------------------------------------------------------------------------------------------- */

static void copy(const char *from, const char *to)
{
	static char bytes[1 << 20];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t have;

	EXPECT(in >= 0 && out >= 0);
	while ((have = read(in, bytes, sizeof bytes)) > 0)
		EXPECT(write(out, bytes, (size_t)have) == have);
	EXPECT(have == 0 && close(in) == 0 && close(out) == 0);
}

static int status_of(const char *program)
{
	char *argv[] = {(char *)program, NULL};
	int status = run_with(program, environ, argv);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Long enough that a file's times tell before from after. */
static void a_moment(void)
{
	const struct timespec moment = {0, 100000000};
	nanosleep(&moment, NULL);
}

static void files(const char *directory)
{
	char program[300], other[300];

	snprintf(program, sizeof program, "%s/program", directory);
	snprintf(other, sizeof other, "%s/other", directory);
	for (int round = 0; round < 3; round++) {
		copy("/bin/true", program);
		a_moment();
		for (int i = 0; i < 3; i++)
			EXPECT(status_of(program) == 0);
		copy("/bin/false", other);
		EXPECT(rename(other, program) == 0);
		a_moment();
		for (int i = 0; i < 3; i++)
			EXPECT(status_of(program) == 1);
		copy("/bin/true", program); /* in place */
		for (int i = 0; i < 3; i++)
			EXPECT(status_of(program) == 0);
		copy("/bin/false", program);
		EXPECT(status_of(program) == 1);
		a_moment();
	}
	EXPECT(unlink(program) == 0);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "look")) {
		verify();
		if (strcmp(argv[3], "0") != 0)
			EXPECT(shape() == strtoul(argv[3], NULL, 16));
		spoil(atoi(argv[2]));
		_exit(0);
	} else if (!strcmp(mode, "hold")) {
		return hold(strtoul(argv[2], NULL, 16));
	} else if (!strcmp(mode, "splice")) {
		return splice_out();
	} else if (!strcmp(mode, "spliced")) {
		spliced(first_shape());
		puts("what a pipe holds stays what it was");
	} else if (!strcmp(mode, "shape")) {
		printf("%lx\n", (unsigned long)shape());
	} else if (!strcmp(mode, "all")) {
		all(first_shape());
		puts("all found theirs as the files have it");
	} else if (!strcmp(mode, "threads")) {
		threads(first_shape());
		puts("so did those of four threads");
	} else if (!strcmp(mode, "many")) {
		uint64_t expected = first_shape();
		for (int i = atoi(argv[2]); i > 0; i--)
			look(0, expected);
		puts("and many more");
	} else if (!strcmp(mode, "killed")) {
		killed(atoi(argv[2]), first_shape());
		puts("and those beside killed ones");
	} else if (!strcmp(mode, "files")) {
		files(argv[2]);
		puts("a replaced program is the new one");
	}
	return 0;
}

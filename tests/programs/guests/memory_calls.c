/* SPDX-License-Identifier: MIT */
/* memory_calls - madvise, mincore, mlock and their like: what they do is seen in the pages, what they refuse by errno. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;

enum { PAGE = 4096, PAGES = 8, MLOCK_NOTHING = 2, SYS_mseal_number = 462 };

#define FAILS(call, error) EXPECT((call) == -1 && errno == (error))

static char *map(int prot, int flags)
{
	char *start = mmap(NULL, (PAGES + 1) * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

	EXPECT(start != MAP_FAILED);
	EXPECT(munmap(start + PAGES * PAGE, PAGE) == 0); /* a hole behind it */
	return start;
}

static int residents(char *start)
{
	unsigned char seen[PAGES];
	int count = 0;

	EXPECT(mincore(start, PAGES * PAGE, seen) == 0);
	for (int i = 0; i < PAGES; i++)
		count += seen[i] & 1;
	return count;
}

/* What a child sees of the first byte of page 1: -1 when it dies of looking. */
static int child_sees(const char *start)
{
	int status;
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0)
		_exit(start[PAGE]);
	EXPECT(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_madvise(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	memset(start, 7, PAGES * PAGE);
	EXPECT(madvise(start, PAGE, MADV_DONTNEED) == 0 && start[0] == 0);
	EXPECT(madvise(start + PAGE, PAGE, MADV_WIPEONFORK) == 0);
	EXPECT(child_sees(start) == 0);
	EXPECT(madvise(start + PAGE, PAGE, MADV_KEEPONFORK) == 0);
	EXPECT(child_sees(start) == 7);
	EXPECT(madvise(start + PAGE, PAGE, MADV_DONTFORK) == 0);
	EXPECT(child_sees(start) == -1);
	EXPECT(madvise(start + PAGE, PAGE, MADV_DOFORK) == 0);
	EXPECT(child_sees(start) == 7);
	for (int advice = MADV_NORMAL; advice <= MADV_WILLNEED; advice++)
		EXPECT(madvise(start, PAGES * PAGE, advice) == 0);
	EXPECT(madvise(start, PAGES * PAGE, MADV_DONTDUMP) == 0 && madvise(start, PAGES * PAGE, MADV_DODUMP) == 0);
	FAILS(madvise(start, (PAGES + 1) * PAGE, MADV_WILLNEED), ENOMEM);
	FAILS(madvise(start + 1, PAGE, MADV_NORMAL), EINVAL);
	FAILS(madvise(start, PAGE, 7), EINVAL);
	FAILS(madvise(start, PAGE, MADV_REMOVE), EINVAL);
	EXPECT(munmap(start, PAGES * PAGE) == 0);
}

static void check_mincore(void)
{
	unsigned char seen[PAGES + 1];
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	EXPECT(residents(start) == 0);
	start[0] = start[3 * PAGE] = 1;
	EXPECT(residents(start) == 2);
	memset(seen, 9, sizeof(seen));
	FAILS(mincore(start, (PAGES + 1) * PAGE, seen), ENOMEM);
	EXPECT(seen[0] == 1 && seen[1] == 0 && seen[3] == 1 && seen[PAGES] == 9);
	FAILS(mincore(start + 1, 0, seen), EINVAL);
	FAILS(mincore(start, PAGE, (unsigned char *)8), EFAULT);
	FAILS(mincore(start, PAGE, (unsigned char *)-9), EFAULT);
	FAILS(mincore(start + PAGES * PAGE, PAGE, (unsigned char *)8), ENOMEM);
	EXPECT(munmap(start, PAGES * PAGE) == 0);
}

static void check_mlock(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE), *later;

	EXPECT(mlock(start, 2 * PAGE) == 0 && residents(start) == 2);
	EXPECT(syscall(SYS_mlock2, start + 2 * PAGE, 2 * PAGE, 1) == 0 && residents(start) == 2);
	FAILS(syscall(SYS_mlock2, start, PAGE, MLOCK_NOTHING), EINVAL);
	FAILS(madvise(start, PAGE, MADV_DONTNEED), EINVAL);
	FAILS(msync(start, PAGE, MS_INVALIDATE), EBUSY);
	FAILS(mlock(start, (PAGES + 1) * PAGE), ENOMEM);
	EXPECT(residents(start) == 2);
	later = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE);
	EXPECT(residents(later) == PAGES && madvise(later, PAGE, MADV_DONTNEED) == 0);
	EXPECT(munmap(later, PAGES * PAGE) == 0);
	later = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_LOCKED);
	EXPECT(residents(later) == PAGES);
	FAILS(madvise(later, PAGE, MADV_DONTNEED), EINVAL);
	EXPECT(munmap(later, PAGES * PAGE) == 0);
	EXPECT(munlock(start, PAGES * PAGE) == 0);
	EXPECT(madvise(start, PAGE, MADV_DONTNEED) == 0);
	FAILS(munlock(start, (PAGES + 1) * PAGE), ENOMEM);
	FAILS(mlockall(0), EINVAL);
	FAILS(mlockall(MCL_ONFAULT), EINVAL);
	EXPECT(mlockall(MCL_FUTURE) == 0);
	later = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	EXPECT(residents(later) == PAGES);
	EXPECT(mlockall(MCL_FUTURE | MCL_ONFAULT) == 0);
	EXPECT(munmap(later, PAGES * PAGE) == 0);
	later = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	EXPECT(residents(later) == 0);
	later[0] = 1;
	FAILS(madvise(later, PAGE, MADV_DONTNEED), EINVAL);
	EXPECT(munlockall() == 0);
	EXPECT(madvise(later, PAGE, MADV_DONTNEED) == 0);
	EXPECT(munmap(later, PAGES * PAGE) == 0);
	EXPECT(munmap(start, PAGES * PAGE) == 0);
}

static long advise_pieces(int pidfd, struct iovec *pieces, long count, int advice)
{
	return syscall(SYS_process_madvise, pidfd, pieces, count, advice, 0);
}

static void check_process_madvise(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct iovec pieces[] = {{start, PAGE}, {start + 2 * PAGE, 2 * PAGE}, {start + PAGES * PAGE, PAGE}};
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), other;
	pid_t child;

	EXPECT(self >= 0);
	EXPECT(advise_pieces(self, pieces, 2, MADV_COLD) == 3 * PAGE);
	EXPECT(advise_pieces(self, pieces, 3, MADV_COLD) == 3 * PAGE);
	FAILS(advise_pieces(self, pieces + 2, 1, MADV_COLD), ENOMEM);
	FAILS(advise_pieces(self, pieces, 2, 7), EINVAL);
	EXPECT(advise_pieces(self, pieces, 0, MADV_COLD) == 0);
	FAILS(advise_pieces(self, pieces, 1025, MADV_COLD), EINVAL);
	FAILS(advise_pieces(self, (struct iovec *)8, 1, MADV_COLD), EFAULT);
	FAILS(advise_pieces(-1, (struct iovec *)8, 1, MADV_COLD), EFAULT);
	FAILS(advise_pieces(-1, pieces, 1, MADV_COLD), EBADF);
	FAILS(syscall(SYS_process_madvise, self, pieces, 1, MADV_COLD, 1), EINVAL);
	pieces[1].iov_base = start + 1;
	EXPECT(advise_pieces(self, pieces, 2, MADV_COLD) == PAGE);
	pieces[1].iov_len = (size_t)-1;
	FAILS(advise_pieces(self, pieces, 2, MADV_COLD), EINVAL);
	/* a process with memory of its own: for who may */
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	other = (int)syscall(SYS_pidfd_open, child, 0);
	EXPECT(advise_pieces(other, pieces, 1, MADV_COLD) == PAGE || errno == EPERM);
	EXPECT(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	EXPECT(advise_pieces(other, pieces, 1, MADV_COLD) == -1);
	EXPECT(close(other) == 0 && close(self) == 0);
	EXPECT(munmap(start, PAGES * PAGE) == 0);
}

static void check_pkey_mprotect(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	start[0] = 5;
	EXPECT(syscall(SYS_pkey_mprotect, start, PAGE, PROT_READ, -1) == 0 && start[0] == 5);
	FAILS(syscall(SYS_pkey_mprotect, start, PAGE, PROT_READ, 16), EINVAL);
	FAILS(syscall(SYS_pkey_mprotect, start + 1, PAGE, PROT_READ, -1), EINVAL);
	FAILS(syscall(SYS_pkey_mprotect, start, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, -1), ENOMEM);
	EXPECT(syscall(SYS_pkey_mprotect, start, 0, PROT_READ, 16) == 0);
	start[0] = 6;
	EXPECT(munmap(start, PAGES * PAGE) == 0);
}

static void check_mseal(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	if (syscall(SYS_mseal_number, 0, 0, 0) == -1) /* a kernel without */
		return;
	EXPECT(syscall(SYS_mseal_number, start + PAGE, PAGE, 0) == 0);
	FAILS(syscall(SYS_mseal_number, start, (PAGES + 1) * PAGE, 0), ENOMEM);
	FAILS(syscall(SYS_mseal_number, start, PAGE, 1), EINVAL);
	FAILS(munmap(start, PAGES * PAGE), EPERM);
	FAILS(mprotect(start + PAGE, PAGE, PROT_READ), EPERM);
	EXPECT(mremap(start + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EPERM);
	EXPECT(mmap(start, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED && errno == EPERM);
	start[PAGE] = 1;
	EXPECT(madvise(start + PAGE, PAGE, MADV_DONTNEED) == 0 && start[PAGE] == 0);
	EXPECT(munmap(start, PAGE) == 0);
}

/* What a spawned process shows: three pages, a hole, a page. It stays until its input ends. */
static int shown(void)
{
	char *start = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char byte;

	memset(start, 7, PAGES * PAGE);
	EXPECT(munmap(start + 3 * PAGE, PAGE) == 0);
	EXPECT(write(1, &start, sizeof(start)) == sizeof(start) && read(0, &byte, 1) == 0);
	for (long page = 0; page < PAGES; page++)
		EXPECT(page == 3 || start[page * PAGE] == 7);
	return 0;
}

/* Memory of another process, which lies in the same address space under Tulou. */
static void check_advice_to_others(char *self)
{
	char *arguments[] = {self, "shown", NULL}, *start;
	posix_spawn_file_actions_t files;
	struct iovec pieces[2];
	int in[2], out[2], other, status;
	pid_t pid;

	EXPECT(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && posix_spawn_file_actions_init(&files) == 0);
	EXPECT(posix_spawn_file_actions_adddup2(&files, in[0], 0) == 0 &&
		posix_spawn_file_actions_adddup2(&files, out[1], 1) == 0);
	EXPECT(posix_spawnp(&pid, self, &files, NULL, arguments, environ) == 0);
	EXPECT(read(out[0], &start, sizeof(start)) == sizeof(start));
	other = (int)syscall(SYS_pidfd_open, pid, 0);
	EXPECT(other >= 0);
	pieces[0] = (struct iovec){start, 2 * PAGE};
	pieces[1] = (struct iovec){start + 2 * PAGE, 4 * PAGE};
	if (advise_pieces(other, pieces, 1, MADV_COLD) == -1) {
		EXPECT(errno == EPERM); /* without CAP_SYS_NICE */
	} else {
		EXPECT(advise_pieces(other, pieces, 1, MADV_PAGEOUT) == 2 * PAGE);
		EXPECT(advise_pieces(other, pieces, 2, MADV_COLD) == 2 * PAGE);
		FAILS(advise_pieces(other, pieces + 1, 1, MADV_WILLNEED), ENOMEM);
		pieces[0].iov_base = start + 1;
		FAILS(advise_pieces(other, pieces, 1, MADV_COLD), EINVAL);
		FAILS(advise_pieces(other, pieces + 1, 1, MADV_DONTNEED), EINVAL);
	}
	EXPECT(close(in[0]) == 0 && close(in[1]) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(close(out[0]) == 0 && close(out[1]) == 0 && close(other) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return shown();
	check_madvise();
	check_mincore();
	check_mlock();
	check_process_madvise();
	check_advice_to_others(argv[0]);
	check_pkey_mprotect();
	check_mseal();
	puts("memory calls as they should be");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * sysv - System V shared memory in full: addresses and flags of shmat, parts of segments unmapped, protected, moved and detached,
 * attach counts over exit, exec, kill and fork, rights of another user, what shmctl tells, removal with the last detach.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { PAGE = 4096, PAGES = 8, FIELD = 64, SOON_MS = 100, OTHER_USER = 65534, FIND_ANY = 15 /* SHM_STAT_ANY */ };

extern char **environ;
static int id;
static char *field; /* FIELD pages that nothing else uses */

/* The answer of a call as text: an address of the field as its page. */
#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static long show_answer(const char *call, long answer)
{
	long page = (answer - (long)field) / PAGE;

	if (answer == -1)
		printf("%s: %s\n", call, strerrorname_np(errno));
	else if (answer >= 0 && answer < PAGE)
		printf("%s: %ld\n", call, answer);
	else if (page >= 0 && page < FIELD)
		printf("%s: page %ld\n", call, page);
	else
		printf("%s: somewhere\n", call);
	return answer;
}

static long attached(void)
{
	struct shmid_ds state;
	return shmctl(id, IPC_STAT, &state) < 0 ? -errno : (long)state.shm_nattch;
}

static char *page(int number)
{
	return field + number * PAGE;
}

/* What /proc/self/maps says of the field. */
static void show_field(void)
{
	char line[400];
	FILE *file = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), file)) {
		unsigned long start, end, offset;
		char perms[5];
		int at = 0;
		sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &end, perms, &offset, &at);
		if (start < (unsigned long)page(FIELD) && end > (unsigned long)field && line[at] == '/')
			printf("  pages %2ld to %2ld %s from %lx: %.5s\n", (long)(start - (unsigned long)field) / PAGE,
				(long)(end - (unsigned long)field) / PAGE, perms, offset, line + at);
	}
	fclose(file);
	printf("  attached: %ld\n", attached());
}

static void await(long count)
{
	struct timespec pause = {0, 1000000};

	for (int i = 0; i < 1000 && attached() != count; i++)
		nanosleep(&pause, NULL);
}

/* ---- one process ------------------------------------------------------------------------------------------------------------------ */

static void check_addresses(void)
{
	SHOW(shmat(id, field, 0));
	SHOW(shmat(id, field + 1, SHM_REMAP));
	SHOW(shmat(id, field + 1, SHM_RND));
	SHOW(shmat(id, NULL, SHM_REMAP));
	SHOW(shmat(id, (void *)1, SHM_RND | SHM_REMAP));
	SHOW(shmat(id, page(1) + 5, SHM_RND | SHM_REMAP));
	*page(1) = 5;
	SHOW(shmat(id, page(20), SHM_REMAP | SHM_RDONLY));
	SHOW(*page(20) - 5);
	SHOW(mprotect(page(20), PAGE, PROT_READ | PROT_WRITE));
	SHOW(shmat(id, page(30), SHM_REMAP | SHM_EXEC));
	SHOW(shmat(-1, NULL, 0));
	SHOW(shmat(id, (void *)0x7ffffffff000, SHM_REMAP));
	SHOW(shmat(id, (void *)0x7fffffffe000, 0));
	SHOW(shmat(id, (void *)-PAGE, 0));
	SHOW(shmat(id, (void *)(1ul << 62), SHM_REMAP));
	SHOW(shmdt((void *)1));
	SHOW(shmdt((void *)attached));
	show_field();
}

static void check_parts(void)
{
	SHOW(shmdt(page(2)));
	SHOW(shmdt(page(1) + 1));
	SHOW(munmap(page(3), PAGE));
	show_field();
	SHOW(shmdt(page(4)));
	SHOW(mprotect(page(6), PAGE, PROT_READ));
	show_field();
	SHOW(shmdt(page(1)));
	SHOW(shmdt(page(1)));
	show_field();
	SHOW(munmap(page(20), PAGE)); /* the first page: shmdt still finds the rest by the old start */
	SHOW(shmdt(page(20)));
	SHOW(shmdt(page(21)));
	show_field();
}

static void check_moves(void)
{
	char *at, *second;

	SHOW(mremap(page(30), PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page(10)));
	show_field();
	SHOW(shmdt(page(30)));
	at = mremap(page(10), PAGES * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
	EXPECT(at != MAP_FAILED);
	SHOW(shmdt(page(10)));
	SHOW(attached());
	SHOW(shmdt(at));
	SHOW(attached());
	at = shmat(id, NULL, 0);
	second = mremap(at, 0, PAGES * PAGE, MREMAP_MAYMOVE);
	EXPECT(second != MAP_FAILED);
	second[0] = 9;
	SHOW(at[0] - 9);
	SHOW(attached());
	SHOW(mremap(at, PAGES * PAGE, 4 * PAGE, 0) == at);
	SHOW(attached());
	SHOW(shmdt(at));
	SHOW(shmdt(second));
	SHOW(attached());
	at = shmat(id, NULL, 0);
	SHOW(munmap(at, PAGES * PAGE));
	SHOW(shmdt(at));
	at = shmat(id, NULL, 0);
	EXPECT(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
	SHOW(attached());
	SHOW(shmdt(at));
	SHOW(munmap(at, PAGE));
	SHOW(attached());
	at = shmat(id, NULL, 0);
	SHOW(madvise(at, PAGES * PAGE, MADV_DONTNEED));
	SHOW(msync(at, PAGES * PAGE, MS_SYNC));
	SHOW(mlock(at, PAGES * PAGE));
	SHOW(munlock(at, PAGES * PAGE));
	SHOW(shmdt(at));
	SHOW(attached());
}

/* ---- several processes ------------------------------------------------------------------------------------------------------------- */

static pid_t spawn(const char *what)
{
	char number[20];
	char *words[] = {"sysv", (char *)what, number, NULL};
	pid_t pid;

	snprintf(number, sizeof(number), "%d", id);
	EXPECT(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, words, environ) == 0);
	return pid;
}

static int ended(pid_t pid)
{
	int status;
	EXPECT(waitpid(pid, &status, 0) == pid);
	return status;
}

static void check_processes(void)
{
	struct timespec from, to;
	char *at;
	pid_t pid;

	SHOW(ended(spawn("exit")));
	SHOW(attached());
	SHOW(ended(spawn("exec")));
	SHOW(attached());
	pid = spawn("hold");
	await(1);
	SHOW(attached());
	clock_gettime(CLOCK_MONOTONIC, &from);
	kill(pid, SIGKILL);
	SHOW(ended(pid) == SIGKILL);
	await(0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	SHOW(attached());
	SHOW((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 > 10 * SOON_MS);
	at = shmat(id, NULL, 0);
	at[0] = 1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		await(2);
		at[0] = attached() == 2 ? 2 : 3;
		_exit(shmdt(at));
	}
	SHOW(ended(pid));
	SHOW(at[0] - 2);
	SHOW(attached());
	SHOW(shmdt(at));
}

static int child(const char *what)
{
	char number[20], *at = shmat(id, NULL, 0);

	EXPECT(at != (void *)-1);
	snprintf(number, sizeof(number), "%d", id);
	if (strcmp(what, "hold") == 0)
		pause();
	if (strcmp(what, "exec") == 0)
		execl("/proc/self/exe", "sysv", "count", number, NULL);
	return 0;
}

static void check_rights(void)
{
	struct shmid_ds state;
	pid_t pid;

	EXPECT(shmctl(id, IPC_STAT, &state) == 0);
	state.shm_perm.mode = 0400;
	SHOW(shmctl(id, IPC_SET, &state));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (getuid() || setuid(OTHER_USER))
			_exit(0);
		SHOW(shmat(id, NULL, SHM_RDONLY));
		SHOW(shmat(id, NULL, 0));
		SHOW(shmctl(id, IPC_STAT, &state));
		SHOW(shmctl(id, IPC_RMID, NULL));
		SHOW(shmctl(id, IPC_SET, &state));
		SHOW(shmctl(id, SHM_LOCK, NULL));
		fflush(stdout);
		_exit(0);
	}
	SHOW(ended(pid));
	state.shm_perm.mode = 0600;
	SHOW(shmctl(id, IPC_SET, &state));
}

/* ---- what the kernel tells, and the end --------------------------------------------------------------------------------------------- */

static void check_control(void)
{
	struct shmid_ds state;
	struct shminfo limits;
	struct shm_info use;
	int last, found = 0;

	SHOW(shmctl(id, SHM_LOCK, NULL));
	EXPECT(shmctl(id, IPC_STAT, &state) == 0);
	printf("size %zu, mode %o, creator %d, last %d\n", state.shm_segsz, state.shm_perm.mode, state.shm_cpid == getpid(),
		state.shm_lpid == getpid());
	SHOW(shmctl(id, SHM_UNLOCK, NULL));
	SHOW(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
	last = shmctl(0, SHM_INFO, (struct shmid_ds *)&use);
	SHOW(last >= 0 && use.used_ids > 0);
	for (int i = 0; i <= last; i++)
		found += (shmctl(i, SHM_STAT, &state) == id) + (shmctl(i, FIND_ANY, &state) == id);
	SHOW(found == 2);
	SHOW(shmctl(id, 12345, NULL));
	SHOW(shmctl(id, IPC_STAT, (struct shmid_ds *)1));
}

static void check_removal(void)
{
	char *keep = shmat(id, page(40), SHM_REMAP);
	char text[200];
	struct shmid_ds state;
	FILE *ipcs;
	pid_t pid;

	snprintf(text, sizeof(text), "exec ipcs -m -i %d", id);
	ipcs = popen(text, "r");
	while (fgets(text, sizeof(text), ipcs))
		if (strstr(text, "nattch="))
			printf("ipcs: %s", strstr(text, "nattch="));
	SHOW(pclose(ipcs));
	SHOW(shmctl(id, IPC_RMID, NULL));
	EXPECT(shmctl(id, IPC_STAT, &state) == 0);
	printf("mode %o\n", state.shm_perm.mode);
	pid = spawn("hold");
	await(2);
	SHOW(attached());
	kill(pid, SIGKILL);
	ended(pid);
	await(1);
	show_field();
	keep[0] = 4;
	SHOW(keep[0] - 4);
	SHOW(shmdt(keep));
	SHOW(attached());
	SHOW(shmat(id, NULL, 0) == (void *)-1);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		id = atoi(argv[2]);
		return strcmp(argv[1], "count") == 0 ? attached() != 0 : child(argv[1]);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	field = mmap(NULL, (FIELD + 1) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	id = shmget(IPC_PRIVATE, PAGES * PAGE - 100, IPC_CREAT | 0600);
	EXPECT(field != MAP_FAILED && id >= 0);
	check_addresses();
	check_parts();
	check_moves();
	check_processes();
	check_control();
	check_rights();
	check_removal();
	return 0;
}

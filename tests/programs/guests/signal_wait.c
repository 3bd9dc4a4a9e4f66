/* SPDX-License-Identifier: MIT */
/*
 * signal_wait - the calls that wait with a mask of their own. Two things can go wrong: a full mask that lets something in (or
 * kills the program), and the lost wake-up, a signal that arrives between the change of the mask and the wait. For the second a
 * child waits ROUNDS times per call, and the parent sends the next signal only when the last one was acknowledged: one lost
 * wake-up hangs the program.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { ROUNDS = 400 };

static volatile sig_atomic_t caught;
static int epoll;

static void handler(int number)
{
	(void)number;
	caught++;
}

static int wait_ppoll(const sigset_t *mask, const struct timespec *limit)
{
	return ppoll(NULL, 0, limit, mask);
}

static int wait_pselect(const sigset_t *mask, const struct timespec *limit)
{
	return pselect(0, NULL, NULL, NULL, limit, mask);
}

static int wait_epoll(const sigset_t *mask, const struct timespec *limit)
{
	struct epoll_event event;

	return epoll_pwait(epoll, &event, 1, limit ? (int)(limit->tv_nsec / 1000000) : -1, mask);
}

static int wait_epoll2(const sigset_t *mask, const struct timespec *limit)
{
	struct epoll_event event;

	return epoll_pwait2(epoll, &event, 1, limit, mask);
}

static int wait_suspend(const sigset_t *mask, const struct timespec *limit)
{
	(void)limit;
	return sigsuspend(mask);
}

static const struct {
	const char *name;
	int (*wait)(const sigset_t *mask, const struct timespec *limit);
} calls[] = {
	{"ppoll", wait_ppoll},
	{"pselect", wait_pselect},
	{"epoll_pwait", wait_epoll},
	{"epoll_pwait2", wait_epoll2},
	{"sigsuspend", wait_suspend},
};

/* The child: blocked everywhere but in the wait. */
static void waiter(int (*wait)(const sigset_t *, const struct timespec *), int acknowledge)
{
	sigset_t open;

	caught = 0;
	sigfillset(&open);
	sigdelset(&open, SIGUSR1);
	for (int i = 1; i <= ROUNDS; i++) {
		EXPECT(write(acknowledge, "r", 1) == 1);
		EXPECT(wait(&open, NULL) == -1 && errno == EINTR);
		EXPECT(caught == i);
	}
	_exit(0);
}

static void check_wakeups(int call)
{
	int ends[2], status;
	char byte;
	pid_t pid;

	EXPECT(pipe(ends) == 0);
	pid = fork();
	if (pid == 0)
		waiter(calls[call].wait, ends[1]);
	close(ends[1]);
	for (int i = 0; i < ROUNDS; i++) {
		EXPECT(read(ends[0], &byte, 1) == 1);
		EXPECT(kill(pid, SIGUSR1) == 0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	close(ends[0]);
	printf("%s: every signal woke it\n", calls[call].name);
}

static void check_full_mask(int call)
{
	struct timespec limit = {.tv_nsec = 20000000};
	sigset_t full, now, pending;
	int before = caught;

	if (calls[call].wait == wait_suspend)
		return;
	sigfillset(&full);
	EXPECT(raise(SIGUSR1) == 0);
	EXPECT(calls[call].wait(&full, &limit) == 0);
	EXPECT(caught == before);
	EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	sigemptyset(&full);
	EXPECT(calls[call].wait(&full, NULL) == -1 && errno == EINTR);
	EXPECT(caught == before + 1);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
	printf("%s: a full mask keeps all out\n", calls[call].name);
}

static void check_sigwait(void)
{
	struct timespec limit = {.tv_nsec = 1000000};
	struct signalfd_siginfo got;
	sigset_t full;
	siginfo_t info;
	int fd;

	sigfillset(&full);
	EXPECT(raise(SIGUSR1) == 0);
	EXPECT(sigtimedwait(&full, &info, &limit) == SIGUSR1 && info.si_pid == getpid());
	EXPECT(sigtimedwait(&full, &info, &limit) == -1 && errno == EAGAIN);
	fd = signalfd(-1, &full, SFD_CLOEXEC | SFD_NONBLOCK);
	EXPECT(fd >= 0);
	EXPECT(read(fd, &got, sizeof(got)) == -1 && errno == EAGAIN);
	EXPECT(raise(SIGUSR1) == 0);
	EXPECT(read(fd, &got, sizeof(got)) == sizeof(got) && got.ssi_signo == SIGUSR1);
	close(fd);
	puts("sigtimedwait and signalfd take any signal");
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler};
	sigset_t block;

	setvbuf(stdout, NULL, _IONBF, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	EXPECT(epoll >= 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	EXPECT(sigprocmask(SIG_BLOCK, &block, NULL) == 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		check_wakeups((int)i);
		check_full_mask((int)i);
	}
	check_sigwait();
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * signal_fault - faults as signals: si_code and si_addr are right, a handler that repairs the page and returns resumes the program,
 * one that jumps out leaves it usable.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "expect.h"

enum { PAGE = 4096, PAGES = 200, WRITE_FAULT = 2 };

static sigjmp_buf jump;
static volatile int faults, last_signal, last_code;
static char *volatile last_address;
static enum { PROTECT, MAP, JUMP } repair;

static void handler(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *page = (char *)((uintptr_t)info->si_addr & -(uintptr_t)PAGE);

	faults++;
	last_signal = number;
	last_code = info->si_code;
	last_address = info->si_addr;
	if (repair == PROTECT) {
		EXPECT((uc->uc_mcontext.gregs[REG_ERR] & WRITE_FAULT) != 0);
		EXPECT((uintptr_t)uc->uc_mcontext.gregs[REG_CR2] == (uintptr_t)info->si_addr);
		EXPECT(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
	} else if (repair == MAP) {
		EXPECT(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
	} else {
		siglongjmp(jump, 1);
	}
}

static char *map(size_t size, int prot)
{
	char *at = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static void check_repairs(void)
{
	char *at = map(PAGES * PAGE, PROT_NONE);

	repair = PROTECT;
	for (int i = 0; i < PAGES; i++) {
		at[i * PAGE + i] = (char)i;
		EXPECT(last_signal == SIGSEGV && last_code == SEGV_ACCERR && last_address == at + i * PAGE + i);
	}
	for (int i = 0; i < PAGES; i++)
		EXPECT(at[i * PAGE + i] == (char)i);
	EXPECT(faults == PAGES);
	/* Read-only pages, written. */
	EXPECT(mprotect(at, PAGES * PAGE, PROT_READ) == 0);
	for (int i = 0; i < PAGES; i++)
		at[i * PAGE + i]++;
	EXPECT(faults == 2 * PAGES && last_code == SEGV_ACCERR);
	EXPECT(munmap(at, PAGES * PAGE) == 0);
	repair = MAP;
	for (int i = PAGES - 1; i >= 0; i--) {
		at[i * PAGE + 5] = (char)i;
		EXPECT(last_signal == SIGSEGV && last_code == SEGV_MAPERR && last_address == at + i * PAGE + 5);
	}
	EXPECT(faults == 3 * PAGES);
	EXPECT(munmap(at, PAGES * PAGE) == 0);
	printf("%d faults repaired\n", faults);
}

/* What `address` reads as is of no interest; the fault is. */
static void expect_read_fault(volatile char *address, int number, int code, volatile char *reported)
{
	int before = faults;

	repair = JUMP;
	if (sigsetjmp(jump, 1) == 0)
		*address;
	EXPECT(faults == before + 1);
	EXPECT(last_signal == number && last_code == code && last_address == reported);
}

static void check_reads(void)
{
	char *hidden = map(PAGE, PROT_NONE), *gone = map(PAGE, PROT_READ);
	char *file, name[30];
	int fd;

	snprintf(name, sizeof(name), "fault-file-%d", (int)getpid());
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1);
	file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(file != MAP_FAILED && file[0] == 'x' && file[1] == 0);
	EXPECT(munmap(gone, PAGE) == 0);
	expect_read_fault(hidden + 77, SIGSEGV, SEGV_ACCERR, hidden + 77);
	expect_read_fault(gone + 1, SIGSEGV, SEGV_MAPERR, gone + 1);
	expect_read_fault(NULL, SIGSEGV, SEGV_MAPERR, NULL);
	expect_read_fault((char *)0x8000000000000000, SIGSEGV, SI_KERNEL, NULL);
	expect_read_fault(file + PAGE + 3, SIGBUS, BUS_ADRERR, file + PAGE + 3);
	EXPECT(ftruncate(fd, 2 * PAGE) == 0);
	EXPECT(file[PAGE + 3] == 0);
	EXPECT(ftruncate(fd, 0) == 0);
	expect_read_fault(file, SIGBUS, BUS_ADRERR, file);
	EXPECT(munmap(file, 2 * PAGE) == 0 && close(fd) == 0 && unlink(name) == 0);
	puts("reads fault where they must");
}

static void check_execution(void)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42,%eax; ret */
	char *page = map(PAGE, PROT_READ | PROT_WRITE);
	int (*function)(void) = (int (*)(void))(void *)page;
	volatile int zero = 0;

	repair = JUMP;
	memcpy(page, code, sizeof(code));
	if (sigsetjmp(jump, 1) == 0)
		function();
	EXPECT(last_signal == SIGSEGV && last_code == SEGV_ACCERR && last_address == page);
	EXPECT(mprotect(page, PAGE, PROT_READ | PROT_EXEC) == 0);
	EXPECT(function() == 42);
	EXPECT(munmap(page, PAGE) == 0);
	if (sigsetjmp(jump, 1) == 0)
		__asm__ volatile("ud2");
	EXPECT(last_signal == SIGILL && last_code == ILL_ILLOPN);
	if (sigsetjmp(jump, 1) == 0)
		zero = 77 / zero;
	EXPECT(last_signal == SIGFPE && last_code == FPE_INTDIV);
	last_signal = 0;
	if (sigsetjmp(jump, 1) == 0)
		__asm__ volatile("int3");
	EXPECT(last_signal == SIGTRAP && last_code == SI_KERNEL);
	puts("execution faults where it must");
}

/* Bad pointers given to system calls are EFAULT, not signals. */
static void check_efault(void)
{
	char *hidden = map(PAGE, PROT_NONE), *argv[] = {NULL};
	int before = faults;

	/* By syscall: the library would read the pointer itself. */
	EXPECT(syscall(SYS_rt_sigaction, SIGUSR1, hidden, NULL, 8) == -1 && errno == EFAULT);
	EXPECT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, hidden, NULL, 8) == -1 && errno == EFAULT);
	EXPECT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, hidden, 8) == -1 && errno == EFAULT);
	EXPECT(syscall(SYS_rt_sigsuspend, hidden, 8) == -1 && errno == EFAULT);
	EXPECT(sigaltstack((void *)hidden, NULL) == -1 && errno == EFAULT);
	EXPECT(open(hidden, O_RDONLY) == -1 && errno == EFAULT);
	EXPECT(execve(hidden, argv, argv) == -1 && errno == EFAULT);
	EXPECT(readlink("/proc/self/exe", hidden, 100) == -1 && errno == EFAULT);
	EXPECT(faults == before);
	puts("bad pointers are EFAULT");
}

int main(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		EXPECT(sigaction(signals[i], &action, NULL) == 0);
	check_repairs();
	check_reads();
	check_execution();
	check_efault();
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * patched - call sites that are called so often that Tulou patches them, and what a program may do to their text: unmap it and map
 * it again, map over it, write it, move it, drop its pages, fork, take %gs for itself. Every call is checked for its effect.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"
#include "site.h"

enum { OFTEN = 100, PAGE = 4096 };
#define HOLE ((void *)0x10000)

static void *library;
static site_function *msync_site, *behind, *bare, *hidden, *flags;
static char *page;

static void library_open(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/site.so", getenv("GUESTS"));
	library = dlopen(path, RTLD_NOW);
	EXPECT(library != NULL);
	msync_site = (site_function *)dlsym(library, "site_msync");
	behind = (site_function *)dlsym(library, "site_msync_behind");
	bare = (site_function *)dlsym(library, "site_msync_syscall");
	hidden = (site_function *)dlsym(library, "site_hidden");
	flags = (site_function *)dlsym(library, "site_flags");
	EXPECT(msync_site && behind && bare && hidden && flags);
}

/* The site works, for what is mapped and for what is not. */
static void often(site_function *site)
{
	for (int i = 0; i < OFTEN; i++) {
		EXPECT(site(page, PAGE) == 0);
		EXPECT(site(HOLE, PAGE) == -ENOMEM);
	}
}

static char *text_page(void)
{
	return (char *)((uintptr_t)msync_site & -(uintptr_t)PAGE);
}

/* The first bytes of the site, as the program reads them; it made the page writable before. */
static void expect_original(void)
{
	static const unsigned char original[] = {0xb8, 26, 0, 0, 0, 0x31, 0xd2, 0x0f, 0x05};

	EXPECT(memcmp((void *)msync_site, original, sizeof(original)) == 0);
}

/* ---- what may be called ---- */

static long call_with_rax(site_function *site, long rax, void *address, size_t size)
{
	long result;
	__asm__ volatile("xor %%edx, %%edx\n\tcall *%[site]"
			 : "=a"(result), "+D"(address), "+S"(size)
			 : "a"(rax), [site] "r"(site)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void test_forms(void)
{
	often(msync_site);
	often(hidden);
	for (int i = 0; i < OFTEN; i++) {
		EXPECT(flags(page, PAGE) == -1);
		/* into the middle: another number, which the jump must not have changed */
		EXPECT(call_with_rax(bare, SYS_getppid, NULL, 0) == getppid());
		EXPECT(call_with_rax(bare, SYS_msync, page, PAGE) == 0);
		EXPECT(call_with_rax(behind, SYS_msync, HOLE, PAGE) == -ENOMEM);
	}
	often(msync_site);
}

static void test_registers(void)
{
	long rbx, rbp_kept, r12, r13, r14, r15, r8, r9, r10, rdi, rsi, result;

	for (int i = 0; i < OFTEN; i++) {
		__asm__ volatile(
			"push %%rbp\n\tmov $1, %%ebx\n\tmov $2, %%ebp\n\tmov $3, %%r12d\n\tmov $4, %%r13d\n\tmov $5, %%r14d\n\t"
			"mov $6, %%r15d\n\tmov $7, %%r8d\n\tmov $8, %%r9d\n\tmov $9, %%r10d\n\t"
			"call *%%rcx\n\t"
			"mov %%rbp, %%rcx\n\tpop %%rbp\n\t"
			: "=a"(result), "=b"(rbx), "=c"(rbp_kept), "=D"(rdi), "=S"(rsi)
			: "c"(msync_site), "D"(page), "S"((long)PAGE)
			: "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
		__asm__ volatile("mov %%r12, %0\n\tmov %%r13, %1" : "=r"(r12), "=r"(r13));
		(void)r12;
		(void)r13;
		EXPECT(result == 0 && rbx == 1 && rbp_kept == 2 && rdi == (long)page && rsi == PAGE);
	}
	for (int i = 0; i < OFTEN; i++) {
		register long in8 __asm__("r8") = 81, in9 __asm__("r9") = 91, in10 __asm__("r10") = 101;
		register long in12 __asm__("r12") = 121, in13 __asm__("r13") = 131, in14 __asm__("r14") = 141,
				   in15 __asm__("r15") = 151;
		long address = (long)page, size = PAGE;

		__asm__ volatile("call *%%rax"
				 : "=a"(result), "+D"(address), "+S"(size), "+r"(in8), "+r"(in9), "+r"(in10), "+r"(in12),
				 "+r"(in13), "+r"(in14), "+r"(in15)
				 : "a"(msync_site)
				 : "rcx", "rdx", "r11", "memory");
		r8 = in8, r9 = in9, r10 = in10, r12 = in12, r13 = in13, r14 = in14, r15 = in15;
		EXPECT(r8 == 81 && r9 == 91 && r10 == 101 && r12 == 121 && r13 == 131 && r14 == 141 && r15 == 151);
	}
}

/* ---- what may become of text ---- */

static void test_reopen(void)
{
	for (int i = 0; i < 5; i++) {
		often(msync_site);
		EXPECT(dlclose(library) == 0);
		library_open();
	}
	often(msync_site);
}

static int library_file(off_t *offset)
{
	char line[512], path[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end, at;
	int fd = -1;

	EXPECT(maps != NULL);
	while (fd < 0 && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %255s", &start, &end, &at, path) == 4 &&
			start <= (uintptr_t)text_page() && (uintptr_t)text_page() < end) {
			fd = open(path, O_RDONLY);
			*offset = (off_t)(at + (uintptr_t)text_page() - start);
		}
	fclose(maps);
	EXPECT(fd >= 0);
	return fd;
}

/* The same page of the same file over it, as one mapping and in two steps; then dropped and faulted in again. */
static void test_map_over(void)
{
	off_t offset;
	int fd = library_file(&offset);

	for (int i = 0; i < 3; i++) {
		often(msync_site);
		EXPECT(mmap(text_page(), PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, offset) == text_page());
		expect_original();
		often(msync_site);
		EXPECT(munmap(text_page(), PAGE) == 0);
		EXPECT(mmap(text_page(), PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, offset) ==
			text_page());
		often(msync_site);
		EXPECT(madvise(text_page(), PAGE, MADV_DONTNEED) == 0);
		expect_original();
		often(msync_site);
	}
	close(fd);
}

static void test_write(void)
{
	for (int i = 0; i < 3; i++) {
		often(msync_site);
		EXPECT(mprotect(text_page(), PAGE, PROT_READ | PROT_WRITE) == 0);
		expect_original();
		*(volatile char *)msync_site = (char)0xb8;
		EXPECT(mprotect(text_page(), PAGE, PROT_READ | PROT_EXEC) == 0);
		often(msync_site);
		expect_original(); /* written by the program: left alone from then on */
	}
}

static void test_move(void)
{
	char *to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ptrdiff_t by = to - text_page();

	often(msync_site);
	EXPECT(mremap(text_page(), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	often((site_function *)((char *)msync_site + by));
	EXPECT(mremap(to, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, text_page()) == text_page());
	often(msync_site);
}

/* Whatever executable memory without a file there is, the program may take it away. */
static void test_unmap_anonymous(void)
{
	char line[512], name[256];
	unsigned long start, end, inode;
	FILE *maps;

	often(msync_site);
	maps = fopen("/proc/self/maps", "r");
	EXPECT(maps != NULL);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx r-xp %*s %*s %lu %255s", &start, &end, &inode, name) == 3 && !inode)
			EXPECT(munmap((void *)start, end - start) == 0);
	fclose(maps);
	often(msync_site);
	EXPECT(munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE) == 0);
}

/* ---- other processes ---- */

static void test_fork(void)
{
	int status;
	pid_t child;

	often(msync_site);
	child = fork();
	if (!child) {
		often(msync_site);
		test_unmap_anonymous();
		often(msync_site);
		_exit(7);
	}
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	often(msync_site);
	child = vfork();
	if (!child) {
		const struct sigaction action = {.sa_handler = SIG_IGN};

		for (int i = 0; i < OFTEN; i++)
			if (sigaction(SIGUSR1, &action, NULL))
				_exit(1);
		_exit(8);
	}
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 8);
	often(msync_site);
}

/* ---- %gs ---- */

static void test_gs(void)
{
	static uint64_t own[4] = {0x1234, 0x5678};
	uint64_t base = 1, first;

	EXPECT(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == 0);
	EXPECT(syscall(SYS_arch_prctl, ARCH_SET_GS, own) == 0);
	often(msync_site);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(first));
	EXPECT(first == 0x1234);
	EXPECT(syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == (uintptr_t)own);
	if (fork() == 0)
		_exit(0);
	EXPECT(wait(NULL) > 0);
	__asm__ volatile("mov %%gs:8, %0" : "=r"(first));
	EXPECT(first == 0x5678);
}

int main(void)
{
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(page != MAP_FAILED);
	library_open();
	test_forms();
	test_registers();
	test_reopen();
	test_map_over();
	test_move();
	test_reopen();
	test_unmap_anonymous();
	test_fork();
	test_write();
	test_reopen();
	test_gs();
	puts("patched sites behave");
	return 0;
}

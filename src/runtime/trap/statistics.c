/* SPDX-License-Identifier: MIT */
#include "runtime/trap/statistics.h"

#include <asm/unistd.h>

#include "base/format.h"
#include "runtime/image/image.h"
#include "runtime/message.h"
#include "runtime/process/thread.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/trap.h"

enum { LINE_SIZE = 512, OTHERS = 0 };

/* Calls with a line of their own; 0 stands for all others. */
static const struct {
	uint16_t nr;
	const char *name;
} calls[] = {
	{UINT16_MAX, "others"},
	{__NR_mmap, "mmap"},
	{__NR_munmap, "munmap"},
	{__NR_mremap, "mremap"},
	{__NR_mprotect, "mprotect"},
	{__NR_brk, "brk"},
	{__NR_msync, "msync"},
	{__NR_madvise, "madvise"},
	{__NR_mincore, "mincore"},
	{__NR_shmat, "shmat"},
	{__NR_shmdt, "shmdt"},
	{__NR_rt_sigaction, "rt_sigaction"},
	{__NR_rt_sigprocmask, "rt_sigprocmask"},
	{__NR_rt_sigreturn, "rt_sigreturn"},
	{__NR_sigaltstack, "sigaltstack"},
	{__NR_open, "open"},
	{__NR_openat, "openat"},
	{__NR_readlink, "readlink"},
	{__NR_prlimit64, "prlimit64"},
	{__NR_clone, "clone"},
	{__NR_clone3, "clone3"},
	{__NR_vfork, "vfork"},
	{__NR_execve, "execve"},
	{__NR_ppoll, "ppoll"},
	{__NR_exit, "exit"},
	{__NR_exit_group, "exit_group"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(calls) <= STATISTICS_CALLS, "statistics");

static const char *const reasons[FALL_BACKS] = {"not patching", "always trapped", "not often enough", "the guest has %gs",
	"past the jump, or needs the trap", "not a file's code", "no function known", "form", "no room", "no decoder"};

static uint64_t hits[STATISTICS_CALLS], falls[STATISTICS_CALLS][FALL_BACKS]; /* atomic */

static unsigned index_of(unsigned nr)
{
	for (unsigned i = OTHERS + 1; i < COUNT(calls); i++)
		if (calls[i].nr == nr)
			return i;
	return OTHERS;
}

void statistics_hit(struct thread *thread, unsigned nr)
{
	if (runtime.statistics)
		thread->statistics.hits[index_of(nr)]++;
}

void statistics_fall(unsigned nr, enum fall_back why)
{
	if (runtime.statistics)
		__atomic_add_fetch(&falls[index_of(nr)][why], 1, __ATOMIC_RELAXED);
}

void statistics_fold(struct thread *thread)
{
	for (unsigned i = 0; i < STATISTICS_CALLS; i++) {
		uint32_t count = __atomic_exchange_n(&thread->statistics.hits[i], 0, __ATOMIC_RELAXED);
		if (count)
			__atomic_add_fetch(&hits[i], count, __ATOMIC_RELAXED);
	}
}

static void line(unsigned call)
{
	char text[LINE_SIZE];
	uint64_t trapped = 0;
	size_t length;

	for (unsigned why = 0; why < FALL_BACKS; why++)
		trapped += falls[call][why];
	if (!trapped && !hits[call])
		return;
	length = (size_t)format(
		text, sizeof text, "%-16s %10lu %10lu ", calls[call].name, (unsigned long)hits[call], (unsigned long)trapped);
	for (unsigned why = 0; why < FALL_BACKS; why++)
		if (falls[call][why])
			length += (size_t)format(
				text + length, sizeof text - length, " %s: %lu;", reasons[why], (unsigned long)falls[call][why]);
	format(text + length, sizeof text - length, "\n");
	write_all(2, text, length + 1);
}

void statistics_print(void)
{
	static const char head[] = "call                patched    trapped  why trapped\n";

	write_all(2, head, sizeof head - 1);
	for (unsigned call = OTHERS + 1; call < COUNT(calls); call++)
		line(call);
	line(OTHERS);
	cpuid_print();
	images_print();
}

/* SPDX-License-Identifier: MIT */
#include "runtime/process/thread.h"

#include <asm-generic/errno-base.h>
#include <linux/mman.h>

#include "base/mem.h"
#include "runtime/arena.h"
#include "runtime/layout.h"
#include "runtime/process/process.h"
#include "runtime/trap/entry.h"

enum { THREAD_COUNT = 32768, SLOT_BITS = 15, WORD_BITS = 64 };

/* Bit n: block n is in use. thread_leave clears it with its last instruction (entry.S). */
static uint64_t thread_used[THREAD_COUNT / WORD_BITS];
static unsigned words_used; /* words that ever had a bit; only grows; atomic */
static struct arena thread_arena = {.base = THREADS_BASE, .size = THREAD_COUNT * THREAD_BLOCK};

static struct thread *thread_at(unsigned slot)
{
	return (struct thread *)(THREADS_BASE + slot * THREAD_BLOCK);
}

static unsigned thread_slot(const struct thread *thread)
{
	return (unsigned)(((uintptr_t)thread - THREADS_BASE) / THREAD_BLOCK);
}

static bool slot_used(unsigned slot)
{
	return __atomic_load_n(&thread_used[slot / WORD_BITS], __ATOMIC_ACQUIRE) >> (slot % WORD_BITS) & 1;
}

/* Before the bit is set: who looks for a process's blocks finds all that it has. */
static void word_use(unsigned i)
{
	unsigned seen = __atomic_load_n(&words_used, __ATOMIC_RELAXED);

	while (seen <= i && !__atomic_compare_exchange_n(&words_used, &seen, i + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* Lowest free slot, so that blocks stay warm and few. */
static int slot_claim(void)
{
	for (unsigned i = 0; i < THREAD_COUNT / WORD_BITS; i++) {
		uint64_t word = __atomic_load_n(&thread_used[i], __ATOMIC_RELAXED);
		if (~word)
			word_use(i);
		while (~word) {
			unsigned bit = (unsigned)__builtin_ctzll(~word);
			if (__atomic_compare_exchange_n(
				    &thread_used[i], &word, word | 1ull << bit, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				return (int)(i * WORD_BITS + bit);
		}
	}
	return -1;
}

static void slot_free(unsigned slot)
{
	__atomic_and_fetch(&thread_used[slot / WORD_BITS], ~(1ull << (slot % WORD_BITS)), __ATOMIC_RELEASE);
}

struct thread *thread_claim(struct process *process)
{
	int slot = slot_claim();
	struct thread *thread;
	uint32_t generation;

	if (slot < 0)
		return NULL;
	if (arena_reach(&thread_arena, ((size_t)slot + 1) * THREAD_BLOCK) < 0) {
		slot_free((unsigned)slot);
		return NULL;
	}
	thread = thread_at((unsigned)slot);
	__atomic_store_n(&thread->process, NULL,
		__ATOMIC_RELAXED); /* a fresh page is faulted in once when it is first written to, and twice when it is first read */
	generation = (thread->generation + 1) & ((1u << SLOT_BITS) - 1);
	memset(thread, 0, sizeof *thread);
	thread->generation = generation ? generation : 1;
	thread->process = process;
	thread->guest_stack.flags = SIGNAL_STACK_DISABLE;
	thread->fast.top = (uint64_t)thread_stack_top(thread);
	__atomic_store_n(&thread->state, thread->generation << SLOT_BITS | (unsigned)slot, __ATOMIC_RELEASE);
	return thread;
}

void thread_release(struct thread *thread)
{
	statistics_fold(thread);
	__atomic_store_n(&thread->process, NULL, __ATOMIC_RELEASE); /* before it is another's: thread_each */
	__atomic_store_n(&thread->state, THREAD_FREE, __ATOMIC_RELEASE);
	slot_free(thread_slot(thread));
}

void thread_each(struct process *process, void (*visit)(struct thread *thread, void *arg), void *arg)
{
	for (unsigned i = 0; i < __atomic_load_n(&words_used, __ATOMIC_ACQUIRE); i++) {
		uint64_t word = __atomic_load_n(&thread_used[i], __ATOMIC_ACQUIRE);
		for (; word; word &= word - 1) {
			struct thread *thread = thread_at(i * WORD_BITS + (unsigned)__builtin_ctzll(word));
			if (__atomic_load_n(&thread->process, __ATOMIC_ACQUIRE) == process)
				visit(thread, arg);
		}
	}
}

static void release_unless(struct thread *thread, void *keep)
{
	if (thread != keep)
		thread_release(thread);
}

void thread_release_all(struct process *process, struct thread *keep)
{
	thread_each(process, release_unless, keep);
}

void thread_forget_others(struct thread *keep)
{
	unsigned slot = thread_slot(keep);

	memset(thread_used, 0, sizeof thread_used);
	thread_used[slot / WORD_BITS] = 1ull << (slot % WORD_BITS);
}

bool thread_token_alive(uint32_t token)
{
	unsigned slot = token & ((1u << SLOT_BITS) - 1);
	struct thread *thread = thread_at(slot);
	const struct process *process;

	if (!slot_used(slot) || __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) != token)
		return false;
	process = __atomic_load_n(&thread->process, __ATOMIC_ACQUIRE); /* NULL at any moment, when the block is given back */
	if (!process)
		return !thread->life || __atomic_load_n(thread->life, __ATOMIC_ACQUIRE) == (uint32_t)thread->tid;
	if (process_alive(process))
		return true;
	/* The leader is dead, and a killed group's threads die one by one: this one may still be on its way, even inside a system
	 * call. */
	return !thread->leader && thread->tid && sys3(__NR_tgkill, process->pid, thread->tid, 0) != -ESRCH;
}

/* The block is about to be nobody's. */
static unsigned unbind(struct thread *thread)
{
	statistics_fold(thread);
	__atomic_store_n(&thread->process, NULL, __ATOMIC_RELEASE);
	return thread_slot(thread);
}

_Noreturn void thread_leave(struct thread *thread, int status)
{
	unsigned slot = unbind(thread);

	thread_leave_now(&thread_used[slot / WORD_BITS], slot % WORD_BITS, status);
}

_Noreturn void thread_leave_killed(struct thread *thread)
{
	unsigned slot = unbind(thread);

	thread_kill_now(&thread_used[slot / WORD_BITS], slot % WORD_BITS);
}

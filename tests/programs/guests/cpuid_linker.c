/* SPDX-License-Identifier: MIT */
/*
 * cpuid_linker - a dynamic linker (PT_INTERP) that links nothing: it asks cpuid in all forms that Tulou may answer itself, and
 * in some that it must leave alone, and compares each with one that it cannot patch. Prints the answers, as far as they are the
 * same everywhere. With an argument it forks then; one of the two makes its text writable, the other wants cpuid to fault.
 */
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

struct answer {
	uint32_t eax, ebx, ecx, edx;
};

typedef uint64_t site_function(uint32_t leaf, uint32_t subleaf, struct answer *out, uint64_t flags);

/* Nobody relocates this program. */
#pragma GCC visibility push(hidden)

enum { PAGE = 4096, TICKS = 200, FLAGS = 0x8d5 /* all that arithmetic sets */, FAILED = 99 };
#define RESTORER 0x04000000

/*
 * Each: answers(leaf, subleaf, out, flags) returns the flags behind it, or 0 when what lies below the stack pointer has changed.
 * What comes between is the form of the site.
 */
#define SITE(name, form) \
	site_function name; \
	__asm__(".type " #name ",@function\n" #name ":\n" \
		".cfi_startproc\n" \
		"	push %rbx\n	push %r12\n	mov %rdx, %r8\n	push %rcx\n	popf\n" \
		"	movl $0x5ca1ab1e, -8(%rsp)\n	movl $0x5ca1ab1e, -128(%rsp)\n" form \
		"	mov %eax, (%r8)\n	mov %ebx, 4(%r8)\n	mov %ecx, 8(%r8)\n	mov %edx, 12(%r8)\n" \
		"	mov -8(%rsp), %edx\n	mov -128(%rsp), %ecx\n	pushf\n	pop %rax\n	cld\n" \
		"	cmp $0x5ca1ab1e, %edx\n	jne 8f\n	cmp $0x5ca1ab1e, %ecx\n	je 9f\n8:	xor %eax, " \
		"%eax\n9:	pop %r12\n" \
		"	pop %rbx\n	ret\n" \
		".cfi_endproc\n.size " #name ", .-" #name "\n")

/* nothing that could be moved stands before it */
SITE(reference, "	mov %edi, %eax\n	mov %esi, %ecx\n	jmp 1f\n1:	cpuid\n");
/* one instruction of 5 bytes (a store), and what sets the registers */
SITE(one, "	movl $1, -16(%rsp)\n	mov %edi, %eax\n	mov %esi, %ecx\n	cpuid\n");
/* a displacement from the instruction pointer */
SITE(relative, "	lea relative(%rip), %r9\n	mov %edi, %eax\n	mov %esi, %ecx\n	cpuid\n");
/* several short ones, to the first of which it branches */
SITE(several, "	mov %edi, %r12d\n	mov $2, %r9d\n	jmp 1f\n	nop\n"
	      "1:	mov %r12d, %eax\n	mov %esi, %ecx\n	cpuid\n"
	      "	mov %eax, %r10d\n	lea -1(%r9), %r9d\n	xchg %ecx, %r11d\n	mov %r9d, %ecx\n	jrcxz 2f\n	"
	      "jmp 1b\n"
	      "2:	xchg %ecx, %r11d\n	mov %r10d, %eax\n");
/* several, into the middle of which it branches: left alone */
SITE(middle, "	mov %edi, %r12d\n	mov %edi, %eax\n	jrcxz 1f\n	mov %r12d, %eax\n1:	mov %esi, %ecx\n	"
	     "cpuid\n");
/* the jump would cross the edge of a page, 24 bytes behind the start of the function: left alone */
__asm__(".balign 4096\n.skip 4096 - 24 - 3, 0x90\n");
SITE(edge, "	movl $1, -16(%rsp)\n	mov %edi, %eax\n	mov %esi, %ecx\n	cpuid\n");
/* What compilers make: the leaf in an immediate. 7 is kept, 1 is not. */
SITE(features, "	mov $7, %eax\n	xor %ecx, %ecx\n	cpuid\n");
SITE(processor, "	mov $1, %eax\n	cpuid\n");

/* ---- without a libc -------------------------------------------------------------------------------------------------------- */

static long call(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}

static void expect(int good, const char *what)
{
	long length = 0;

	if (good)
		return;
	while (what[length])
		length++;
	call(SYS_write, 2, (long)what, length, 0);
	call(SYS_write, 2, (long)"\n", 1, 0);
	call(SYS_exit_group, FAILED, 0, 0, 0);
}

static char text[16384];
static unsigned used;

static void print_hex(uint32_t number)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		text[used++] = "0123456789abcdef"[number >> shift & 15];
	text[used++] = ' ';
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

static const struct {
	uint32_t leaf, last;
	struct answer everywhere; /* the bits that are the same on all processors */
} leaves[] = {
#define ALL \
	{ \
		~0u, ~0u, ~0u, ~0u \
	}
	{0, 0, ALL},
	{1, 0, {~0u, 0xffffff, ~0u, ~0u}},
	{2, 0, ALL},
	{4, 4, ALL},
	{5, 0, {0}},
	{7, 3, ALL},
	{0xb, 2, {~0u, ~0u, ~0u, 0}},
	{0xd, 20, ALL},
	{0x14, 1, ALL},
	{0x19, 0, ALL},
	{0x40000000, 0, ALL},
	{0x80000000, 0, ALL},
	{0x80000001, 0, ALL},
	{0x80000002, 0, ALL},
	{0x80000005, 0, ALL},
	{0x80000006, 0, ALL},
	{0x80000007, 0, ALL},
	{0x80000008, 0, ALL},
	{0x8000001d, 5, ALL},
	{0x8000001e, 0, {0, 0, 0, 0}},
	{0x12345678, 0, {0, 0, 0, 0}},
};

static void same(const struct answer *a, const struct answer *b, const struct answer *mask, const char *what)
{
	expect(!((a->eax ^ b->eax) & mask->eax) && !((a->ebx ^ b->ebx) & mask->ebx) && !((a->ecx ^ b->ecx) & mask->ecx) &&
			!((a->edx ^ b->edx) & mask->edx),
		what);
}

/* `subleaf` may be nonsense where the leaf has none. */
static void ask_all(uint32_t leaf, uint32_t subleaf, const struct answer *mask, struct answer *wanted)
{
	site_function *const sites[] = {one, relative, several, middle, edge};

	expect(reference(leaf, subleaf, wanted, FLAGS) != 0, "reference");
	for (unsigned i = 0; i < sizeof sites / sizeof *sites; i++) {
		struct answer found;

		expect((sites[i](leaf, subleaf, &found, FLAGS) & FLAGS) == FLAGS, "flags or stack");
		same(&found, wanted, mask, "another answer");
		expect((sites[i](leaf, subleaf, &found, 2) & FLAGS) == 0, "flags");
		same(&found, wanted, mask, "another answer without flags");
	}
}

static void test_leaves(void)
{
	struct answer wanted, found;

	for (unsigned i = 0; i < sizeof leaves / sizeof *leaves; i++)
		for (uint32_t s = 0; s <= leaves[i].last; s++) {
			const struct answer *mask = &leaves[i].everywhere;

			ask_all(leaves[i].leaf, s, mask, &wanted);
			print_hex(leaves[i].leaf);
			print_hex(s);
			print_hex(wanted.eax & mask->eax);
			print_hex(wanted.ebx & mask->ebx);
			print_hex(wanted.ecx & mask->ecx);
			print_hex(wanted.edx & mask->edx);
			text[used++] = '\n';
		}
	ask_all(0x80000000, 0xffffffff, &leaves[0].everywhere, &wanted);
	ask_all(0xd, 0xffffffff, &leaves[0].everywhere, &wanted);
	reference(7, 0, &wanted, 2);
	features(0, 0, &found, 2);
	same(&found, &wanted, &leaves[0].everywhere, "leaf 7");
	reference(1, 0, &wanted, 2);
	processor(0, 0, &found, 2);
	same(&found, &wanted, &leaves[1].everywhere, "leaf 1");
}

/* ---- signals: a handler never sees an address that is not ours ------------------------------------------------------------- */

extern const char __ehdr_start[], etext[];
static volatile int ticks, strange;

static void tick(int signo, siginfo_t *info, void *context)
{
	/* ucontext: flags, link, stack (3 words), registers, of which rip is number 16 */
	uint64_t rip = ((uint64_t *)context)[5 + 16];

	(void)signo;
	(void)info;
	strange += rip < (uint64_t)__ehdr_start || rip >= (uint64_t)etext;
	ticks++;
}

__asm__("restorer:\n	mov $15, %rax\n	syscall\n");
extern const char restorer[];

static void test_signals(void)
{
	struct {
		void *handler;
		uint64_t flags;
		const void *restorer;
		uint64_t mask;
	} action = {(void *)tick, SA_SIGINFO | RESTORER, restorer, 0};
	struct itimerval timer = {{0, 200}, {0, 200}}, off = {0};
	struct answer wanted, wanted_xsave, found;

	reference(0x80000006, 0, &wanted, 2);
	reference(0xd, 2, &wanted_xsave, 2);
	expect(call(SYS_rt_sigaction, SIGALRM, (long)&action, 0, 8) == 0, "rt_sigaction");
	expect(call(SYS_setitimer, ITIMER_REAL, (long)&timer, 0, 0) == 0, "setitimer");
	while (ticks < TICKS) {
		one(0xd, 2, &found, 2);
		same(&found, &wanted_xsave, &leaves[0].everywhere, "a signal changes the answer");
		several(0x80000006, 7, &found, 2);
		same(&found, &wanted, &leaves[0].everywhere, "a signal changes the answer");
	}
	call(SYS_setitimer, ITIMER_REAL, (long)&off, 0, 0);
	expect(!strange, "a handler has seen a strange address");
}

/* ---- its own text ---------------------------------------------------------------------------------------------------------- */

/* Is the first instruction of features() what it was? */
static int text_is_original(void)
{
	static const uint8_t original[] = {0xb8, 7, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2};
	const uint8_t *at = (const uint8_t *)features;
	int found = 0;

	for (int i = 0; i < 64 && !found; i++) {
		found = 1;
		for (unsigned k = 0; k < sizeof original; k++)
			found &= at[i + k] == original[k];
	}
	return found;
}

static void test_writable_text(void)
{
	uint64_t page = (uint64_t)features & -(uint64_t)PAGE;
	struct answer wanted;

	expect(call(SYS_mprotect, (long)page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, 0) == 0, "mprotect");
	expect(text_is_original(), "writable text is not the original");
	*(volatile uint8_t *)page = *(volatile uint8_t *)page;
	expect(call(SYS_mprotect, (long)page, 2 * PAGE, PROT_READ | PROT_EXEC, 0) == 0, "mprotect");
	ask_all(7, 0, &leaves[0].everywhere, &wanted);
}

/* cpuid shall be SIGSEGV, wherever it stands; where that cannot be, nothing else has changed. */
static void test_faulting(void)
{
	struct answer wanted;

	if (!call(SYS_arch_prctl, ARCH_SET_CPUID, 0, 0, 0))
		expect(call(SYS_arch_prctl, ARCH_SET_CPUID, 1, 0, 0) == 0, "arch_prctl");
	expect(text_is_original(), "text that shall fault is not the original");
	ask_all(7, 0, &leaves[0].everywhere, &wanted);
}

__attribute__((used, noreturn)) static void begin(const long *stack)
{
	long child;
	int status = 0;

	test_leaves();
	test_signals();
	call(SYS_write, 1, (long)text, used, 0);
	if (stack[0] < 2)
		call(SYS_exit_group, 0, 0, 0, 0);
	child = call(SYS_fork, 0, 0, 0, 0);
	expect(child >= 0, "fork");
	if (child)
		test_writable_text();
	else
		test_faulting();
	expect(!child || (call(SYS_wait4, child, (long)&status, 0, 0) == child && !status), "the forked one");
	call(SYS_exit_group, 0, 0, 0, 0);
	__builtin_unreachable();
}

__asm__(".globl linker_start\nlinker_start:\n	xor %ebp, %ebp\n	mov %rsp, %rdi\n	and $-16, %rsp\n	call "
	"begin\n");

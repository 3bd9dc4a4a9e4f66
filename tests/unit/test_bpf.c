/* SPDX-License-Identifier: MIT */
/*
 * test_bpf.c - which programs are valid, what they answer, and what becomes of them for the kernel. The kernel is asked for the first two:
 * a valid program for which it has no descriptor (EMFILE) is not installed, so that it can be asked as often as wanted.
 */
#include "runtime/bpf/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "random/random_bpf.h"

enum { PROGRAMS = 20000, INSTALLED = 200, CALLS = 16 };
enum { RUNTIME_HIGH = 0x7000, JUDGED_LOW = 0x1234 };

static struct prng prng;

static uint32_t random_below(uint32_t bound)
{
	return prng_below(&prng, bound);
}

static void spoil(struct sock_filter *code, unsigned count)
{
	struct sock_filter *f = &code[random_below(count)];

	switch (random_below(6)) {
	case 0:
		f->code = (uint16_t)random_below(256);
		break;
	case 1:
		f->code ^= (uint16_t)(1u << random_below(16));
		break;
	case 2:
		f->jt = (uint8_t)(uint32_t)prng_next(&prng);
		break;
	case 3:
		f->jf = (uint8_t)(uint32_t)prng_next(&prng);
		break;
	case 4:
		f->k = random_below(70);
		break;
	default:
		f->k = random_below(2) ? (uint32_t)prng_next(&prng) : 0;
	}
}

static void random_call(struct seccomp_data *call)
{
	call->nr = (int)random_below(400);
	call->arch = AUDIT_ARCH_X86_64;
	call->instruction_pointer = random_below(2) ? (uint32_t)prng_next(&prng) : 0x200000000000ull + (uint32_t)prng_next(&prng);
	for (unsigned i = 0; i < 6; i++)
		call->args[i] = random_below(2) ? random_below(300)
						: (uint64_t)(uint32_t)prng_next(&prng) << 32 | (uint32_t)prng_next(&prng);
}

/* ---- the kernel ------------------------------------------------------------------------------------------------------------------------- */

/* Run in a child that may do what it likes to itself; its exit status says whether all was well. */
static void in_child(int (*function)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? 100 : function());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int same_as_kernel(void)
{
	const struct rlimit none = {0, 0};
	struct sock_filter code[RANDOM_BPF_MOST];
	struct sock_fprog program = {.filter = code};
	unsigned valid = 0, invalid = 0;

	if (setrlimit(RLIMIT_NOFILE, &none))
		return 101;
	prng = (struct prng){1};
	for (unsigned i = 0; i < PROGRAMS; i++) {
		program.len = (unsigned short)random_bpf(&prng, code);
		for (unsigned n = random_below(3); n; n--)
			spoil(code, program.len);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) != -1)
			return 102;
		if (errno != EMFILE && errno != EINVAL)
			return 103;
		if (bpf_valid(code, program.len) != (errno == EMFILE))
			return 104;
		*(errno == EMFILE ? &valid : &invalid) += 1;
	}
	return valid > PROGRAMS / 10 && invalid > PROGRAMS / 10 ? 0 : 105;
}

static void validity(void **unused)
{
	(void)unused;
	in_child(same_as_kernel);
}

static void sizes(void **unused)
{
	static struct sock_filter code[BPF_MAXINSNS + 1];
	(void)unused;

	for (unsigned n = 0; n <= BPF_MAXINSNS; n++)
		code[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_false(bpf_valid(code, 0));
	assert_true(bpf_valid(code, 1));
	assert_true(bpf_valid(code, BPF_MAXINSNS));
	assert_false(bpf_valid(code, BPF_MAXINSNS + 1));
}

/* `body` with its answers made errnos, for getppid() only. */
static unsigned observable(const struct sock_filter *body, unsigned count, struct sock_filter *out)
{
	unsigned n = 0, end;

	out[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0);
	out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	end = n + count;
	for (unsigned i = 0; i < count; i++, n++) {
		out[n] = body[i];
		if (BPF_CLASS(body[i].code) == BPF_RET)
			out[n] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, end - n - 1);
	}
	out[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff);
	out[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return n;
}

static int answers_as_kernel(void)
{
	struct sock_filter body[RANDOM_BPF_MOST], code[RANDOM_BPF_MOST + 8];
	struct sock_fprog program = {.filter = code};
	unsigned count;

	do {
		count = random_bpf(&prng, body);
		program.len = (unsigned short)observable(body, count, code);
	} while (!bpf_valid(code, program.len));
	for (unsigned n = 0; n < program.len; n++) {
		if (code[n].code == (BPF_ALU | BPF_DIV | BPF_X)) /* may end the thread */
			code[n].code = BPF_ALU | BPF_SUB | BPF_X;
		if (code[n].code == (BPF_LD | BPF_W | BPF_ABS) &&
			code[n].k / 8 == 1) /* the instruction pointer: not ours to choose */
			code[n].k += 8;
	}
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 102;
	for (unsigned i = 0; i < CALLS; i++) {
		struct seccomp_data call;
		uint32_t expected;
		long result;

		random_call(&call);
		call.nr = SYS_getppid;
		expected = bpf_run(code, &call, NULL) & SECCOMP_RET_DATA;
		errno = 0;
		result = syscall(SYS_getppid, call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
		if (result != (expected ? -1 : 0) || (uint32_t)errno != expected)
			return 103;
	}
	return 0;
}

static void answers(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < INSTALLED; i++) {
		prng = (struct prng){1000 + i};
		in_child(answers_as_kernel);
	}
}

/* ---- without it -------------------------------------------------------------------------------------------------------------------------- */

static void division_by_zero(void **unused)
{
	const struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_IMM, 7), BPF_STMT(BPF_LDX | BPF_IMM, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct seccomp_data call = {0};
	(void)unused;

	assert_true(bpf_valid(code, 4));
	assert_int_equal(bpf_run(code, &call, NULL), SECCOMP_RET_KILL_THREAD);
}

static void looks_beyond_the_number(void **unused)
{
	const struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct seccomp_data call = {.nr = 5};
	bool beyond = false;
	(void)unused;

	assert_int_equal(bpf_run(code, &call, &beyond), SECCOMP_RET_ALLOW);
	assert_false(beyond);
	call.nr = 6;
	assert_int_equal(bpf_run(code, &call, &beyond), SECCOMP_RET_ALLOW);
	assert_true(beyond);
}

static uint32_t for_kernel(uint32_t answer)
{
	return (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_THREAD ? SECCOMP_RET_TRAP : answer;
}

/* The derived program answers as it should for a call from anywhere. */
static void check_derived(const struct sock_filter *code, const struct sock_filter *derived)
{
	static const uint32_t lows[] = {0, JUDGED_LOW - 1, JUDGED_LOW, JUDGED_LOW + 1, UINT32_MAX};
	struct seccomp_data call;
	uint32_t answer;
	bool allows;

	random_call(&call);
	answer = bpf_run(code, &call, NULL);
	assert_int_equal(bpf_run(derived, &call, NULL), for_kernel(answer));
	for (unsigned i = 0; i < sizeof lows / sizeof *lows; i++) {
		call.instruction_pointer = (uint64_t)RUNTIME_HIGH << 32 | lows[i];
		answer = bpf_run(code, &call, NULL);
		allows = (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
		answer = bpf_run(derived, &call, NULL);
		if (lows[i] == JUDGED_LOW)
			assert_int_equal(answer, bpf_run(code, &call, NULL));
		else
			assert_int_equal(answer & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ALLOW);
		assert_true(!allows || (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW);
	}
}

static void derived_answers(void **unused)
{
	static struct sock_filter derived[BPF_MAXINSNS];
	struct sock_filter code[RANDOM_BPF_MOST];
	unsigned checked = 0;
	(void)unused;

	prng = (struct prng){5};
	for (unsigned i = 0; i < PROGRAMS; i++) {
		unsigned count = random_bpf(&prng, code), length;
		bool divides = false;

		if (!bpf_valid(code, count))
			continue;
		length = bpf_derive(code, count, RUNTIME_HIGH, JUDGED_LOW, derived);
		for (unsigned n = 0; n < count; n++)
			divides |= code[n].code == (BPF_ALU | BPF_DIV | BPF_X);
		assert_true(divides == !length && (divides || bpf_valid(derived, length)));
		if (divides)
			continue;
		for (unsigned n = 0; n < CALLS; n++)
			check_derived(code, derived);
		checked++;
	}
	assert_true(checked > PROGRAMS / 10);
}

/* What is allowed by number alone is so in the derived program too: no other word of the call is looked at. */
static void derived_by_number(void **unused)
{
	const struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
	static struct sock_filter derived[BPF_MAXINSNS];
	struct seccomp_data call = {.nr = 5};
	bool beyond = false;
	(void)unused;

	assert_true(bpf_derive(code, 4, RUNTIME_HIGH, JUDGED_LOW, derived) > 4);
	assert_int_equal(bpf_run(derived, &call, &beyond), SECCOMP_RET_ALLOW);
	assert_false(beyond);
}

/* The longest programs leave no room. */
static void too_long(void **unused)
{
	static struct sock_filter code[BPF_MAXINSNS], derived[BPF_MAXINSNS];
	struct seccomp_data call = {0};
	unsigned longest = 0;
	(void)unused;

	for (unsigned n = 0; n < BPF_MAXINSNS; n++)
		code[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO);
	for (unsigned count = BPF_MAXINSNS - 40; count <= BPF_MAXINSNS; count++)
		if (bpf_derive(code, count, RUNTIME_HIGH, JUDGED_LOW, derived))
			longest = count;
	assert_in_range(longest, BPF_MAXINSNS - 20, BPF_MAXINSNS - 1);
	assert_int_equal(bpf_derive(code, longest + 1, RUNTIME_HIGH, JUDGED_LOW, derived), 0);
	for (unsigned n = 0; n < BPF_MAXINSNS; n++)
		code[n].k = SECCOMP_RET_ALLOW;
	assert_int_equal(bpf_derive(code, BPF_MAXINSNS, RUNTIME_HIGH, JUDGED_LOW, derived), BPF_MAXINSNS);
	assert_true(bpf_valid(derived, bpf_derive_trap(RUNTIME_HIGH, derived)));
	assert_int_equal(bpf_run(derived, &call, NULL), SECCOMP_RET_TRAP);
	call.instruction_pointer = (uint64_t)RUNTIME_HIGH << 32;
	assert_int_equal(bpf_run(derived, &call, NULL), SECCOMP_RET_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validity),
		cmocka_unit_test(sizes),
		cmocka_unit_test(answers),
		cmocka_unit_test(division_by_zero),
		cmocka_unit_test(looks_beyond_the_number),
		cmocka_unit_test(derived_answers),
		cmocka_unit_test(derived_by_number),
		cmocka_unit_test(too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

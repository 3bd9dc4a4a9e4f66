/* SPDX-License-Identifier: MIT */
/* seccomp - filters of the program's own: each answer for calls that the runtime serves and for others. seccomp_tasks: who has them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include "filter.h"

static void emulate(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	EXPECT(signo == SIGSYS && (uint32_t)uc->uc_mcontext.gregs[REG_RAX] == (uint32_t)info->si_syscall);
	EXPECT((uintptr_t)info->si_call_addr == (uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
	printf("SIGSYS: code %d, errno %d, call %d, arch %x\n", info->si_code, info->si_errno, info->si_syscall, info->si_arch);
	uc->uc_mcontext.gregs[REG_RAX] = 42;
}

/* ---- each answer, for each kind of call ------------------------------------------------------------------------------------------------ */

static int answered_nr;
static unsigned answered;

static int be_answered(void)
{
	handle(SIGSYS, emulate, 0);
	install(answered_nr, answered);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		say_result("  call", syscall(answered_nr, 0, 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	}
	return 7;
}

static void check_answers(void)
{
	static const int numbers[] = {
		SYS_mmap, SYS_brk, SYS_openat, SYS_mprotect, SYS_getppid, SYS_rt_sigprocmask, SYS_prctl, 4000};
	static const unsigned answers[] = {SECCOMP_RET_ERRNO, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | 0xffff,
		SECCOMP_RET_TRAP | 3, SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_KILL_PROCESS, 0x00120000, SECCOMP_RET_ALLOW | 9};
	char what[64];

	for (size_t i = 0; i < COUNT(numbers); i++)
		for (size_t k = 0; k < COUNT(answers); k++) {
			answered_nr = numbers[i];
			answered = answers[k];
			snprintf(what, sizeof what, "%d answered with %x", answered_nr, answered);
			in_child(what, be_answered);
		}
}

/* A call site that has been used so often that it needs no kernel is judged all the same. */
static int used_site(void)
{
	int results[2] = {0, 0};

	for (int i = 0; i < 200; i++) {
		void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (i == 100)
			install(SYS_munmap, SECCOMP_RET_ERRNO | EXDEV);
		results[i >= 100] += munmap(page, 4096) == -1 && errno == EXDEV;
	}
	printf("used site: %d, %d\n", results[0], results[1]);
	return 0;
}

/* Several: the strongest, and of equals the newest. */
static int stacked(void)
{
	handle(SIGSYS, emulate, 0);
	install(SYS_brk, SECCOMP_RET_ERRNO | 1);
	install(SYS_brk, SECCOMP_RET_ERRNO | 2);
	install(SYS_brk, SECCOMP_RET_LOG);
	say_result("two errnos", syscall(SYS_brk, 0));
	install(SYS_brk, SECCOMP_RET_TRACE);
	say_result("trace above", syscall(SYS_brk, 0));
	install(SYS_brk, SECCOMP_RET_TRAP | 5);
	install(SYS_brk, SECCOMP_RET_TRAP | 6);
	install(SYS_brk, SECCOMP_RET_ERRNO | 3);
	say_result("trap", syscall(SYS_brk, 0));
	install(SYS_brk, SECCOMP_RET_KILL_THREAD);
	syscall(SYS_brk, 0);
	return 1;
}

/* ---- where the call comes from ------------------------------------------------------------------------------------------------------------ */

long broker_call(long nr, long a, long b, long c);
extern const char broker_call_end[];
__asm__(".globl broker_call, broker_call_end\n"
	"broker_call:\n mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n xor %r10d, %r10d\n syscall\n"
	"broker_call_end:\n ret\n");

static void broker(int signo, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	EXPECT(signo == SIGSYS && info->si_syscall == SYS_openat);
	r[REG_RAX] = broker_call(SYS_openat, AT_FDCWD, (long)"/dev/null", r[REG_RDX]);
}

/* As Chromium's sandbox: files are opened by the handler of SIGSYS, from the one place that may. */
static int brokered(void)
{
	uint64_t place = (uint64_t)broker_call_end;
	char text[64];
	int fd;

	handle(SIGSYS, broker, SA_NODEFER);
	EXPECT(INSTALL(0, LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 5), LOAD(instruction_pointer),
		       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)place, 0, 2),
		       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
		       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(place >> 32), 1, 0), ANSWER(SECCOMP_RET_TRAP),
		       ANSWER(SECCOMP_RET_ALLOW)) == 0);
	fd = open("/etc/passwd", O_RDONLY);
	EXPECT(fd >= 0 && read(fd, text, sizeof text) == 0);
	free(malloc(1 << 20));
	return 6;
}

/* ---- strict mode -------------------------------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t usr1_handled;

static void answer_usr1(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info, (void)context;
	usr1_handled = 1;
	EXPECT(write(1, "handled\n", 8) == 8);
}

static int strict_exits(void)
{
	int fds[2];
	char byte = 0;

	handle(SIGUSR1, answer_usr1, 0);
	EXPECT(pipe(fds) == 0);
	if (fork() == 0) { /* a signal from outside: its handler may return */
		EXPECT(read(fds[0], &byte, 1) == 1);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	syscall(SYS_write, fds[1], &byte, 1);
	while (!usr1_handled)
		;
	syscall(SYS_write, 1, "strict\n", 7);
	syscall(SYS_exit, 21);
	return 1;
}

static int strict_dies(void)
{
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL) == 0);
	syscall(SYS_getppid);
	return 1;
}

static int strict_dies_of_memory(void)
{
	for (int i = 0; i < 100; i++)
		munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return 1;
}

static int not_both(void)
{
	install(SYS_brk, SECCOMP_RET_ERRNO);
	say_result("strict after a filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	return 0;
}

/* ---- programs that are refused, and long ones ------------------------------------------------------------------------------------------------- */

static int errors(void)
{
	struct sock_filter good = ANSWER(SECCOMP_RET_ALLOW), bad = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0);
	struct sock_fprog program = {.len = 1, .filter = &good};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	say_result("no program", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
	say_result("unknown flag", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, &program));
	say_result("unknown flag, no program", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, NULL));
	say_result("unknown operation", syscall(SYS_seccomp, 77, 0, &program));
	say_result("strict, flags", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
	say_result("strict, argument", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &program));
	say_result("prctl, unknown mode", prctl(PR_SET_SECCOMP, 9, &program));
	say_result("prctl, no program", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
	program.len = 0;
	say_result("empty", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	program.len = BPF_MAXINSNS + 1;
	say_result("too long", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	program = (struct sock_fprog){1, &bad};
	say_result("invalid", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	program = (struct sock_fprog){1, NULL};
	say_result("no instructions", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	program = (struct sock_fprog){1, (struct sock_filter *)8};
	say_result("unreadable", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	say_result("listener of all threads", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
						      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, &program));
	return 0;
}

static int sleep_interrupted;

static void note_alarm(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info, (void)context;
	sleep_interrupted++;
}

/* As long as can be; and one that divides. */
static int long_program(void)
{
	static struct sock_filter code[BPF_MAXINSNS];
	const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};
	size_t n = 0;

	code[n++] = (struct sock_filter)LOAD(nr);
	while (n < BPF_MAXINSNS - 3)
		code[n++] = (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0);
	code[n++] = (struct sock_filter)IS(SYS_getppid);
	code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | ENOTTY);
	code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	EXPECT(install_code(0, code, n) == 0);
	handle(SIGALRM, note_alarm, 0);
	say_result("getppid", syscall(SYS_getppid));
	say_result("getpid", syscall(SYS_getpid));
	free(malloc(1 << 20));
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	say_result("sleep", pause());
	EXPECT(setitimer(ITIMER_REAL, &never, NULL) == 0 && sleep_interrupted > 0);
	for (n = 0; n < 6; n++)
		EXPECT(install_code(0, code, BPF_MAXINSNS) == 0);
	say_result("too many", install_code(0, code, BPF_MAXINSNS));
	return 0;
}

static int divides(void)
{
	EXPECT(INSTALL(0, LOAD(nr), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		       BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), ANSWER(SECCOMP_RET_ALLOW)) == 0);
	free(malloc(1 << 20));
	fflush(stdout);
	syscall(SYS_getppid);
	return 1;
}

/* ---- handlers that may not return -------------------------------------------------------------------------------------------------------------- */

static void plain(int signo)
{
	(void)signo;
	puts("in the handler");
	fflush(stdout);
}

static int no_return(void)
{
	handle(SIGUSR1, answer_usr1, 0);
	install(SYS_rt_sigreturn, SECCOMP_RET_KILL_PROCESS);
	raise(SIGUSR1);
	return 1;
}

static int no_return_plain(void)
{
	signal(SIGUSR1, plain);
	install(SYS_rt_sigreturn, SECCOMP_RET_KILL_PROCESS);
	raise(SIGUSR1);
	return 1;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	check_answers();
	in_child("used site", used_site);
	in_child("stacked", stacked);
	in_child("brokered", brokered);
	in_child("strict", strict_exits);
	in_child("strict, another call", strict_dies);
	in_child("strict, memory", strict_dies_of_memory);
	in_child("not both", not_both);
	in_child("errors", errors);
	in_child("long", long_program);
	in_child("divides", divides);
	in_child("no return", no_return);
	in_child("no return from a plain handler", no_return_plain);
	return 0;
}

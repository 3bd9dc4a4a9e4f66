/* SPDX-License-Identifier: MIT */
/*
 * credentials.c - user ids and capabilities over an exec.
 *
 * execve(2) computes capabilities and saved ids anew. An exec in the task changes none, which is the same as long as the
 * credentials are what an earlier real execve made of them (computing twice changes nothing). So the calls that touch them
 * are noted, and the exec of a process that differs is a real one, of a fresh instance: only the kernel can give root its
 * capabilities back.
 */
#include <asm-generic/errno-base.h>
#include <linux/capability.h>
#include <linux/prctl.h>

#include "runtime/process/attributes.h"
#include "runtime/process/process.h"
#include "runtime/trap/trap.h"

/* setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid capset. The kernel clears `dumpable` when they change something. */
long trap_credentials(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct attributes *own = &thread->process->attributes;
	long before = sys1(__NR_prctl, PR_GET_DUMPABLE), result = sys3((long)r->rax, (long)r->rdi, (long)r->rsi, (long)r->rdx),
	     after;

	if (result < 0)
		return result;
	own->credentials |= CREDENTIALS_TOUCHED;
	after = sys1(__NR_prctl, PR_GET_DUMPABLE);
	if (after != before)
		own->dumpable = (uint8_t)after;
	return result;
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !sys2(__NR_capget, (long)&header, (long)data) &&
	       (data[0].permitted || data[1].permitted || data[0].effective || data[1].effective);
}

bool credentials_stale(const struct process *process)
{
	uint32_t user[3], group[3]; /* real, effective, saved */

	if (!process->attributes.credentials)
		return false;
	sys3(__NR_getresuid, (long)&user[0], (long)&user[1], (long)&user[2]);
	sys3(__NR_getresgid, (long)&group[0], (long)&group[1], (long)&group[2]);
	return process->attributes.credentials & CREDENTIALS_BOUNDED || user[1] != user[2] || group[1] != group[2] || !user[0] ||
	       !user[1] || has_capabilities();
}

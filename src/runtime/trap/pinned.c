/* SPDX-License-Identifier: MIT */
/*
 * pinned.c - calls that let the kernel go on with pages which the process has given up: a pipe that holds them (vmsplice), a send without copy
 * that is under way, asynchronous reads and writes. Unmapped pages are the kernel's alone then; those that stayed with the process,
 * zeroed (vm/resident.h), or went to the next one (image/image.h), would change under it. So nothing of such a process stays.
 */
#include <asm/socket.h>
#include <asm/unistd.h>

#include "runtime/trap/trap.h"

long trap_pinning(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;

	if (r->rax != __NR_setsockopt || (int)r->rsi == SOL_SOCKET)
		tulou_process_vm_exact(thread->process->vm);
	return TRAP_REDO;
}

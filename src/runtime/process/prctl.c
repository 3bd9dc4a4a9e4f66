/* SPDX-License-Identifier: MIT */
/*
 * prctl.c - prctl(2), as far as it is about the address space or what an exec makes of the process. The filter passes all other
 * options.
 */
#include <asm-generic/errno-base.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <tulou/inspect.h>

#include "runtime/elf/auxv.h"
#include "runtime/layout.h"
#include "runtime/process/attributes.h"
#include "runtime/process/pieces.h"
#include "runtime/procfs/procfs.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { SIGKILL_NUMBER = 9, AMBIENT_IS_SET = 1 };

static long native(const struct registers *r)
{
	return sys5(__NR_prctl, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10, (long)r->r8);
}

/* ---- what the address space has ------------------------------------------------------------------------------------------------- */

static long set_dumpable(struct attributes *own, const struct registers *r)
{
	if (r->rsi > 1)
		return -EINVAL;
	own->dumpable = (uint8_t)r->rsi;
	attributes_apply();
	return 0;
}

/* The kernel judges the arguments; then it hears what all want together, of which this is one. */
static long set_huge_pages(struct attributes *own, const struct registers *r)
{
	long result = native(r);

	if (result < 0)
		return result;
	own->thp_disabled = (uint8_t)(r->rsi ? 1 | r->rdx : 0);
	attributes_apply_again();
	return 0;
}

static long set_merge(struct attributes *own, const struct registers *r)
{
	long result = native(r);

	if (result < 0)
		return result;
	own->memory_merge = r->rsi != 0;
	attributes_apply_again();
	return 0;
}

/* In the books only: one guest would forbid our own code changes to all. */
static long set_mdwe(struct attributes *own, const struct registers *r)
{
	uint64_t bits = r->rsi;
	bool unknown = bits & ~(uint64_t)(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT);

	if (sys1(__NR_prctl, PR_GET_MDWE) < 0 || r->rdx || r->r10 || r->r8 || unknown ||
		(bits & PR_MDWE_NO_INHERIT && !(bits & PR_MDWE_REFUSE_EXEC_GAIN)))
		return -EINVAL;
	if (own->mdwe && own->mdwe != bits)
		return -EPERM;
	own->mdwe = (uint8_t)bits;
	return 0;
}

/* ---- names of ranges -------------------------------------------------------------------------------------------------------------- */

/* The kernel names the process's own areas, one after the other. */
static long set_name(struct process *process, const struct registers *r)
{
	/* Empty: it judges all but the range. */
	long result = sys5(__NR_prctl, PR_SET_VMA, (long)r->rsi, (long)r->rdx, 0, (long)r->r8), error;
	struct pieces p;

	if (result < 0)
		return result;
	if (!pieces_begin(&p, process->vm, r->rdx, r->r10))
		return -EINVAL;
	tulou_process_vm_exact(process->vm);
	while (pieces_next(&p)) {
		error = sys5(__NR_prctl, PR_SET_VMA, (long)r->rsi, (long)p.start, (long)(p.stop - p.start), (long)r->r8);
		if (error < 0 && error != -ENOMEM)
			return error;
		p.hole |= error < 0;
	}
	return p.hole ? -ENOMEM : 0;
}

/* ---- PR_SET_MM: where the strings are, for /proc ------------------------------------------------------------------------------------ */

static bool may_set_memory(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !sys2(__NR_capget, (long)&header, (long)data) && data[0].effective & 1u << CAP_SYS_RESOURCE;
}

/* Addresses of the strings; the others lie where the loader and the books say. */
static uintptr_t *string_field(struct program_start *layout, uint64_t option)
{
	switch (option) {
	case PR_SET_MM_ARG_START:
		return &layout->arg_start;
	case PR_SET_MM_ARG_END:
		return &layout->arg_end;
	case PR_SET_MM_ENV_START:
		return &layout->env_start;
	case PR_SET_MM_ENV_END:
		return &layout->env_end;
	default:
		return NULL;
	}
}

static long set_memory(struct process *process, const struct registers *r)
{
	struct program_start layout = process->layout;
	uintptr_t *field = string_field(&layout, r->rsi);
	struct tulou_area_info area;

	if (r->rsi == PR_SET_MM_MAP_SIZE && !r->r8)
		return native(r);
	if (r->r8 || (r->r10 && r->rsi != PR_SET_MM_AUXV && r->rsi != PR_SET_MM_MAP))
		return -EINVAL;
	if (!may_set_memory())
		return -EPERM;
	if (!field)
		return r->rsi > PR_SET_MM_MAP_SIZE || !r->rsi ? -EINVAL : -EPERM;
	*field = r->rdx;
	if (r->rdx < TULOU_PAGE_SIZE || r->rdx >= POOL_END || layout.arg_start > layout.arg_end ||
		layout.env_start > layout.env_end)
		return -EINVAL;
	if (!tulou_find_area(process->vm, r->rdx, &area))
		return -EFAULT;
	process->layout = layout;
	return 0;
}

/* The kernel's own is the runtime's; it has the same size. */
static long get_auxv(const struct process *process, const struct registers *r)
{
	struct auxv_pair vector[AUXV_MAX] = {{0, 0}};
	long size = r->r10 || r->r8 ? -EINVAL : sys5(__NR_prctl, PR_GET_AUXV, 0, 0, 0, 0);
	size_t have = process->layout.auxv_size < sizeof vector ? process->layout.auxv_size : sizeof vector;
	size_t wanted = size > 0 && r->rdx > (uint64_t)size ? (size_t)size : r->rdx;

	if (size < 0)
		return size;
	if (user_read(vector, process->layout.auxv, have) < 0)
		return -EFAULT;
	return user_write(r->rsi, vector, wanted < sizeof vector ? wanted : sizeof vector) < 0 ? -EFAULT : size;
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------------- */

/* A listed program dies with its supervisor, which is its parent: it can ask for another signal, not for none. */
static long parent_death(struct process *process, const struct registers *r)
{
	int32_t value = process->attributes.parent_death;
	long result;

	if (!process->attributes.death_bound)
		return native(r);
	if (r->rdi == PR_GET_PDEATHSIG)
		return user_write(r->rsi, &value, sizeof value);
	result = sys2(__NR_prctl, PR_SET_PDEATHSIG, r->rsi ? (long)r->rsi : SIGKILL_NUMBER);
	if (!result)
		process->attributes.parent_death = (uint8_t)r->rsi;
	return result;
}

/* What execve(2) computes capabilities from. */
static long bound_credentials(struct attributes *own, const struct registers *r)
{
	long result = native(r);

	if (result >= 0 && (r->rdi != PR_CAP_AMBIENT || r->rsi != AMBIENT_IS_SET))
		own->credentials |= CREDENTIALS_BOUNDED;
	return result;
}

/* Our value, where the kernel has one. */
static long get(const struct registers *r, long own)
{
	long result = native(r);

	return result < 0 ? result : own;
}

long trap_prctl(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct process *process = thread->process;
	struct attributes *own = &process->attributes;

	switch ((int)r->rdi) {
	case PR_SET_PDEATHSIG:
	case PR_GET_PDEATHSIG:
		return parent_death(process, r);
	case PR_GET_DUMPABLE:
		return own->dumpable;
	case PR_SET_DUMPABLE:
		return set_dumpable(own, r);
	case PR_SET_THP_DISABLE:
		return set_huge_pages(own, r);
	case PR_GET_THP_DISABLE:
		return get(r, own->thp_disabled);
	case PR_SET_MEMORY_MERGE:
		return set_merge(own, r);
	case PR_GET_MEMORY_MERGE:
		return get(r, own->memory_merge);
	case PR_SET_MDWE:
		return set_mdwe(own, r);
	case PR_GET_MDWE:
		return get(r, own->mdwe);
	case PR_SET_VMA:
		return set_name(process, r);
	case PR_SET_MM:
		return set_memory(process, r);
	case PR_GET_AUXV:
		return get_auxv(process, r);
	case PR_GET_SECCOMP:
		return status_number("Seccomp_filters:\t") > OWN_FILTERS ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
	case PR_SET_SECCOMP:
		return seccomp_prctl(thread, r);
	case PR_SET_SYSCALL_USER_DISPATCH: /* it would catch our own calls in this thread */
		return -EINVAL;
	default:
		return bound_credentials(own, r);
	}
}

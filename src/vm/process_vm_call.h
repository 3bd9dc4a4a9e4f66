/* SPDX-License-Identifier: MIT */
/* process_vm_call.h - how calls begin and end: what each of them pays. Part of process_vm.h, which is included instead. */
#ifndef TULOU_VM_PROCESS_VM_CALL_H
#define TULOU_VM_PROCESS_VM_CALL_H

/* Wait for the lock: another call has it. */
enum lock_result process_vm_meet(struct tulou_process_vm *vm, uint32_t self);
void process_vm_taken_over(struct tulou_process_vm *vm, uint32_t self, enum guard_result result);
void process_vm_leave_slow(struct tulou_process_vm *vm, struct range touched);

/* Its holder notes what he changes in `journal`. */
static inline void process_vm_note_in(struct tulou_process_vm *vm, struct journal *journal)
{
	guard_name(&vm->guard, journal);
	vm->stock.own = vm->arena.journal = journal;
}

/* `alone_in`: where he notes, if no other task has the process VM. */
static inline void process_vm_locked_as(
	struct tulou_process_vm *vm, uint32_t self, enum guard_result result, struct journal *alone_in)
{
	uint32_t references = __atomic_load_n(&vm->references, __ATOMIC_RELAXED);
	bool alone = references <= 1 || (references & REFERENCES_GOING);

	if (likely(result == GUARD_TAKEN))
		journal_begin(vm->journal, self);
	else
		process_vm_taken_over(vm, self, result);
	process_vm_note_in(vm, likely(alone && vm != vm->pool->limbo) ? alone_in : vm->journal);
	vm->stock.self = self;
}

/* Who only looks, or freezes, may be of another process: his death tears nothing. */
static inline void process_vm_locked(struct tulou_process_vm *vm, uint32_t self, enum guard_result result)
{
	process_vm_locked_as(vm, self, result, NULL);
}

static inline void process_vm_change_begin(struct tulou_process_vm *vm)
{
	if (likely(!vm->guard.journal))
		process_vm_note_in(vm, JOURNAL_UNNOTED);
}

/* The lock is held: is all there that a call needs? If not, it is dropped. */
static inline bool process_vm_begin(struct tulou_process_vm *vm)
{
	if (likely(!vm->torn && process_vm_reserve(vm))) {
		process_vm_step(vm);
		if (likely(!process_vm_is_behind(vm)) || process_vm_catch_up(vm))
			return true;
	}
	process_vm_unlock(vm);
	return false;
}

static inline ALWAYS_INLINE int process_vm_enter(struct tulou_process_vm *vm)
{
	uint32_t self = pool_self(vm->pool);
	enum lock_result how = likely(lock_try(&vm->guard.lock, self)) ? LOCK_TAKEN : process_vm_meet(vm, self);

	process_vm_locked_as(vm, self, guard_taken(&vm->guard, how, self), JOURNAL_UNNOTED);
	return likely(process_vm_begin(vm)) ? 0 : -TULOU_ENOMEM;
}

static inline void process_vm_leave(struct tulou_process_vm *vm, struct range touched)
{
	size_t total = vm->usage.total - resident_bytes(&vm->resident);

	content_flush(&vm->contents, &vm->stock);
	if (unlikely(vm->bonds.idle))
		shm_flush(&vm->stock);
	stock_limit(&vm->stock);
	if (unlikely(total > vm->peak))
		vm->peak = total;
	if (unlikely(vm->watched | __atomic_load_n(&vm->hidden, __ATOMIC_RELAXED)))
		process_vm_leave_slow(vm, touched);
	else
		process_vm_unlock(vm);
}

static inline bool usage_fits(struct usage usage, uint64_t kept, const struct tulou_process_vm *vm)
{
	return usage.total - kept <= vm->limit_as && usage.data - kept <= vm->limit_data && usage.committed <= vm->granted;
}

static inline int process_vm_may_have(struct tulou_process_vm *vm, struct usage have, struct usage more)
{
	struct usage then = have;

	usage_add(&then, more);
	return likely(usage_fits(then, resident_bytes(&vm->resident), vm)) ? 0 : process_vm_may_have_slow(vm, have, more);
}

#endif

/* SPDX-License-Identifier: MIT */
/* pool.c - the life of a pool and of the process VMs in it. */
#include "check.h"
#include "process_vm.h"

static bool config_is_valid(const struct tulou_config *config)
{
	size_t chunk = config->chunk_size ? config->chunk_size : CHUNK_SIZE_DEFAULT;

	if (!page_is_aligned(config->start) || !page_is_aligned(config->end) || !page_is_aligned(config->placement_start))
		return false;
	if (!config->start || config->start >= config->end || config->end > USER_END)
		return false;
	if (config->placement_start && (config->placement_start < config->start || config->placement_start >= config->end))
		return false;
	return is_power_of_two(chunk) && chunk >= 16 * PAGE_SIZE && chunk <= CHUNK_SIZE_MAX && config->check_level >= 0 &&
	       config->check_level <= 3 && config->resident <= TULOU_RESIDENT_ALWAYS;
}

int tulou_create(struct tulou **out, const struct tulou_host *host, const struct tulou_config *config)
{
	struct tulou *pool;

	if (!config_is_valid(config))
		return -TULOU_EINVAL;
	pool = host->books_map(host->ctx, pool_struct_size());
	if (!pool)
		return -TULOU_ENOMEM;
	*pool = (struct tulou){
		.host = host,
		.range = range_between(config->start, config->end),
		.placement_start = config->placement_start ? config->placement_start : config->start,
		.chunk_size = config->chunk_size ? config->chunk_size : CHUNK_SIZE_DEFAULT,
		.check_level = config->check_level,
		.resident = config->resident,
		.limbo = (struct tulou_process_vm *)(pool + 1),
	};
	list_init(&pool->processes);
	slab_init(&pool->record_slab, host, RECORD_SIZE);
	slab_init(&pool->process_slab, host, sizeof(struct tulou_process_vm));
	shm_init(&pool->shm, host);
	process_vm_init(pool->limbo, pool, 0);
	pool->limbo->stock.self = pool_self(pool);
	if (!stock_reserve(&pool->limbo->stock, RECORDS_PER_CALL)) {
		host->books_unmap(host->ctx, pool, pool_struct_size());
		return -TULOU_ENOMEM;
	}
	manager_init(&pool->manager, host, pool->range, &pool->limbo->stock);
	*out = pool;
	return 0;
}

void process_vm_give_back(struct tulou_process_vm *vm)
{
	struct tulou *pool = vm->pool;
	uint32_t self = pool_self(pool);

	bool torn = unlikely(lock_take(&vm->lock, pool->host, self) == LOCK_TAKEN_OVER || vm->torn);

	resident_forget(vm);
	if (torn) {
		process_vm_salvage(vm, self);
	} else {
		vm->stock.self = self;
		process_vm_clear(vm);
		stock_trim(&vm->stock, 0);
	}
	lock_drop(&vm->lock, pool->host);

	/* In one step, so that a fork copies it with all or nothing of it. */
	pool_lock_list(pool, self);
	list_remove(&vm->link);
	pool->process_count--;
	((struct slab_object *)vm)->next = NULL;
	slab_give(&pool->process_slab, self, (struct slab_object *)vm);
	pool_unlock_list(pool);
}

void tulou_destroy(struct tulou *pool)
{
	const struct tulou_host *host = pool->host;

	while (!list_is_empty(&pool->processes))
		process_vm_give_back(container_of(pool->processes.next, struct tulou_process_vm, link));
	limbo_retry(pool, pool_self(pool));
	slab_fini(&pool->process_slab);
	slab_fini(&pool->manager.chunk_slab);
	slab_fini(&pool->record_slab);
	host->books_unmap(host->ctx, pool, pool_struct_size());
}

/* The list lock is held. */
static struct tulou_process_vm *process_vm_add(struct tulou *pool, uint32_t self, uint32_t id)
{
	struct tulou_process_vm *vm = (struct tulou_process_vm *)slab_take(&pool->process_slab, self, 1);

	if (!vm)
		return NULL;
	process_vm_init(vm, pool, id);
	vm->stock.self = self;
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL)) {
		((struct slab_object *)vm)->next = NULL;
		slab_give(&pool->process_slab, self, (struct slab_object *)vm);
		return NULL;
	}
	list_append(&pool->processes, &vm->link);
	pool->process_count++;
	return vm;
}

int tulou_process_vm_create(struct tulou *pool, uint32_t id, struct tulou_process_vm **out)
{
	uint32_t self = pool_self(pool);

	pool_lock_list(pool, self);
	*out = process_vm_add(pool, self, id);
	pool_unlock_list(pool);
	return *out ? 0 : -TULOU_ENOMEM;
}

void tulou_process_vm_set_id(struct tulou_process_vm *vm, uint32_t id)
{
	__atomic_store_n(&vm->id, id, __ATOMIC_RELAXED);
}

uint32_t tulou_process_vm_id(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->id, __ATOMIC_RELAXED);
}

void tulou_process_vm_ref(struct tulou_process_vm *vm)
{
	__atomic_add_fetch(&vm->references, 1, __ATOMIC_RELAXED);
}

bool tulou_process_vm_exclusive(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->references, __ATOMIC_ACQUIRE) == 1;
}

void tulou_process_vm_unref(struct tulou_process_vm *vm)
{
	struct tulou *pool = vm->pool;

	if (__atomic_sub_fetch(&vm->references, 1, __ATOMIC_ACQ_REL))
		return;
	process_vm_give_back(vm);
	limbo_retry(pool, pool_self(pool));
	if (unlikely(pool->check_level >= 3))
		check_pool_or_panic(pool);
}

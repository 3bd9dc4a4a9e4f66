/* SPDX-License-Identifier: MIT */
/*
 * shm_manager.h - the shared-memory manager: which areas, of whichever process, show the same object.
 *
 *     area ──┐                          An object is a file (device and inode: either alone is not unique) or one shared
 *     area ──┼──→ object {dev, ino}     anonymous mapping. Each area record that shows it is an attachment, and so is a call
 *     area ──┘      one host reference  that is about to make one. The last detach gives the host's reference back.
 *
 * Objects of files are found by (dev, ino, shared, max_prot): a descriptor opened read-only and one opened read-write are two
 * objects, since mprotect(2) may give their mappings different things.
 * Invariants: S4 attachments equals the areas that point at the object; S5 keys ascend, no two equal.
 * Lock: its own, after the chunk's; never held over a host call.
 */
#ifndef TULOU_VM_SHM_MANAGER_H
#define TULOU_VM_SHM_MANAGER_H

#include "area.h"
#include "record.h"

#include "base/lock.h"

struct shm_object {
	struct tree_node node;
	uint64_t dev, ino;
	void *handle;
	size_t attachments; /* guarded by shm_manager.lock */
	size_t counted; /* shm_check's own */
	int max_prot;
	bool shared;
	bool anonymous; /* shared anonymous: ino is a serial number, no host reference */
};

struct shm_manager {
	struct lock lock;
	const struct tulou_host *host;
	/* guarded by lock */
	struct tree objects;
	uint64_t serial;
	size_t object_count;
};

/* The order of the tree. */
int shm_object_compare(const struct shm_object *a, const struct shm_object *b);
void shm_init(struct shm_manager *shm, const struct tulou_host *host);
/* The object of `file`, with one attachment for the caller. Takes over the caller's reference to the file. One record. */
struct shm_object *shm_open_file(const struct tulou_file *file, bool shared, struct stock *stock);
/* A new object of shared anonymous memory, with one attachment for the caller. One record. */
struct shm_object *shm_open_anonymous(struct stock *stock);
void shm_attach(struct shm_object *object, struct stock *stock);
/* May call the host: hold no lock but a process lock. */
void shm_detach(struct shm_object *object, struct stock *stock);
/* Detach the objects of all area records that wait in stock->dropped, and make them records again. The same rule. */
void shm_flush(struct stock *stock);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * shm_manager.h - the shared-memory manager: which processes show the same object.
 *
 *     area ──┐   process's      An object is a file (device and inode: either alone is not unique) or one shared anonymous mapping.
 *     area ──┴── bond ──┐       A process that shows it has one bond with it, which counts its areas there, and the calls that are
 *     area ───── bond ──┴──→ object {dev, ino, bonds} ──→ one host reference          about to make one
 *
 * So the count that processes share changes only with the first and the last area of a process, and is right whatever a process left
 * half done when it died: its bonds are found in its list, whose links are noted. A bond without areas goes at the next shm_flush().
 *
 * Objects of files are found by (dev, ino, shared, max_prot): a descriptor opened read-only and one opened read-write are two
 * objects, since mprotect(2) may give their mappings different things.
 * Invariants: S4 an object's bonds are counted, and a bond's areas; S5 keys ascend, no two equal.
 * Guard: its own, after the chunk's; never held over a host call. A bond's tree and count are guarded by the process's lock.
 */
#ifndef TULOU_VM_SHM_MANAGER_H
#define TULOU_VM_SHM_MANAGER_H

#include "area.h"
#include "record.h"

#include "base/tree.h"

struct shm_object {
	struct tree_node node;
	uint64_t dev, ino;
	void *handle;
	size_t bonds; /* guarded by shm_manager.guard */
	size_t counted; /* shm_check's own */
	int max_prot;
	bool shared;
	bool anonymous; /* shared anonymous: ino is a serial number, no host reference */
	bool zeros; /* what shows it is private anonymous memory, which bears the file's name */
};

struct shm_bond {
	struct tree_node node; /* shm_bonds.tree, by the object's address */
	struct list link; /* shm_bonds.list */
	struct shm_object *object;
	size_t areas; /* of the process, that show the object; and calls */
	size_t counted; /* shm_check's own */
};

/* What a process VM has of them. */
struct shm_bonds {
	struct tree tree;
	struct list list; /* the same once more; guarded by shm_manager.guard */
	size_t idle; /* bonds without areas */
};

struct shm_manager {
	struct guard guard;
	const struct tulou_host *host;
	/* guarded by guard */
	struct tree objects;
	uint64_t serial;
	size_t object_count;
};

/* The order of the tree. */
int shm_object_compare(const struct shm_object *a, const struct shm_object *b);
void shm_init(struct shm_manager *shm, const struct tulou_host *host);
void shm_bonds_init(struct shm_bonds *bonds, struct journal *const *journal);
/* The caller's bond with `object`, or NULL. */
struct shm_bond *shm_bond_find(const struct shm_bonds *bonds, const struct shm_object *object);
/* The object of `file`, counted once for the caller. Takes over the caller's reference to the file. Two records. */
struct shm_object *shm_open_file(const struct tulou_file *file, bool shared, struct stock *stock);
/* A new object of shared anonymous memory, counted once for the caller. Two records. */
struct shm_object *shm_open_anonymous(struct stock *stock);
/* One more area, or call, of the caller's shows the object, with which it has a bond; one less. */
void shm_attach(struct shm_object *object, struct stock *stock);
void shm_detach(struct shm_object *object, struct stock *stock);
/* End the bonds without areas: `bonds.idle` says whether there are any. May call the host: hold no lock but a process lock. */
void shm_flush(struct stock *stock);
/* End all bonds of a process VM that died; its tree and counts are not looked at. */
void shm_forsake(struct stock *stock);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * abi.h - the numbers of the Linux x86-64 memory ABI that the core speaks.
 *
 * The core is freestanding: it cannot include <sys/mman.h>, and an embedder on another system does not have it.
 * Values are those of the kernel's uapi headers (asm-generic/mman-common.h, asm-generic/errno-base.h, errno.h).
 */
#ifndef TULOU_ABI_H
#define TULOU_ABI_H

#define TULOU_PAGE_SIZE  4096ul
#define TULOU_PAGE_SHIFT 12

/* protection, mmap(2) mprotect(2) */
#define TULOU_PROT_NONE      0x0
#define TULOU_PROT_READ      0x1
#define TULOU_PROT_WRITE     0x2
#define TULOU_PROT_EXEC      0x4
#define TULOU_PROT_SEM       0x8
#define TULOU_PROT_GROWSDOWN 0x01000000
#define TULOU_PROT_GROWSUP   0x02000000

/* mmap(2) flags */
#define TULOU_MAP_SHARED          0x01
#define TULOU_MAP_PRIVATE         0x02
#define TULOU_MAP_SHARED_VALIDATE 0x03
#define TULOU_MAP_DROPPABLE       0x08
#define TULOU_MAP_TYPE            0x0f
#define TULOU_MAP_FIXED           0x10
#define TULOU_MAP_ANONYMOUS       0x20
#define TULOU_MAP_32BIT           0x40
#define TULOU_MAP_GROWSDOWN       0x0100
#define TULOU_MAP_DENYWRITE       0x0800
#define TULOU_MAP_EXECUTABLE      0x1000
#define TULOU_MAP_LOCKED          0x2000
#define TULOU_MAP_NORESERVE       0x4000
#define TULOU_MAP_POPULATE        0x8000
#define TULOU_MAP_NONBLOCK        0x10000
#define TULOU_MAP_STACK           0x20000
#define TULOU_MAP_HUGETLB         0x40000
#define TULOU_MAP_SYNC            0x80000
#define TULOU_MAP_FIXED_NOREPLACE 0x100000
#define TULOU_MAP_UNINITIALIZED   0x4000000

/* mremap(2) flags */
#define TULOU_MREMAP_MAYMOVE   1
#define TULOU_MREMAP_FIXED     2
#define TULOU_MREMAP_DONTUNMAP 4

/* msync(2) flags */
#define TULOU_MS_ASYNC      1
#define TULOU_MS_INVALIDATE 2
#define TULOU_MS_SYNC       4

/* mlock2(2), mlockall(2) flags */
#define TULOU_MLOCK_ONFAULT 1
#define TULOU_MCL_CURRENT   1
#define TULOU_MCL_FUTURE    2
#define TULOU_MCL_ONFAULT   4

/* madvise(2) */
#define TULOU_MADV_NORMAL          0
#define TULOU_MADV_RANDOM          1
#define TULOU_MADV_SEQUENTIAL      2
#define TULOU_MADV_WILLNEED        3
#define TULOU_MADV_DONTNEED        4
#define TULOU_MADV_FREE            8
#define TULOU_MADV_REMOVE          9
#define TULOU_MADV_DONTFORK        10
#define TULOU_MADV_DOFORK          11
#define TULOU_MADV_MERGEABLE       12
#define TULOU_MADV_UNMERGEABLE     13
#define TULOU_MADV_HUGEPAGE        14
#define TULOU_MADV_NOHUGEPAGE      15
#define TULOU_MADV_DONTDUMP        16
#define TULOU_MADV_DODUMP          17
#define TULOU_MADV_WIPEONFORK      18
#define TULOU_MADV_KEEPONFORK      19
#define TULOU_MADV_COLD            20
#define TULOU_MADV_PAGEOUT         21
#define TULOU_MADV_POPULATE_READ   22
#define TULOU_MADV_POPULATE_WRITE  23
#define TULOU_MADV_DONTNEED_LOCKED 24
#define TULOU_MADV_COLLAPSE        25
#define TULOU_MADV_HWPOISON        100
#define TULOU_MADV_SOFT_OFFLINE    101
#define TULOU_MADV_GUARD_INSTALL   102
#define TULOU_MADV_GUARD_REMOVE    103

/* error numbers, returned negated */
#define TULOU_EPERM        1
#define TULOU_ENOENT       2
#define TULOU_ESRCH        3
#define TULOU_EINTR        4
#define TULOU_EIO          5
#define TULOU_ENXIO        6
#define TULOU_E2BIG        7
#define TULOU_ENOEXEC      8
#define TULOU_EBADF        9
#define TULOU_EAGAIN       11
#define TULOU_ENOMEM       12
#define TULOU_EACCES       13
#define TULOU_EFAULT       14
#define TULOU_EBUSY        16
#define TULOU_EEXIST       17
#define TULOU_ENODEV       19
#define TULOU_ENOTDIR      20
#define TULOU_EISDIR       21
#define TULOU_EINVAL       22
#define TULOU_ENFILE       23
#define TULOU_EMFILE       24
#define TULOU_ETXTBSY      26
#define TULOU_ENAMETOOLONG 36
#define TULOU_ENOSYS       38
#define TULOU_ELOOP        40
#define TULOU_ELIBBAD      80
#define TULOU_EOVERFLOW    75
#define TULOU_EUCLEAN      117
#define TULOU_EOPNOTSUPP   95

#endif

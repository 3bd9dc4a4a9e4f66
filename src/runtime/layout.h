/* SPDX-License-Identifier: MIT */
/*
 * layout.h - who lives where in the one address space.
 *
 *     0x0000_0000_1000 ┬ pool: guests. Programs linked at a fixed address lie at its low end, everything without an address
 *                      │ from PLACEMENT_START up
 *     0x5000_0000_0000 ┼ TRAP_END: a system call from below here is a guest's, and may be trapped. Above, guests have data only: at
 *                      │ 0x5555_5555_4000 the kernel puts position-independent programs, and one that was started by a real execve
 *                      │ inherits our filter and must live. ASan's allocator wants 0x6000_0000_0000
 *     0x7000_0000_0000 ┴ end of the pool; the runtime's text, data, bss (link address: CMakeLists.txt)
 *     0x7100_0000_0000   the books
 *     0x7200_0000_0000   threads: a block each, with the stack that its traps run on
 *     0x7300_0000_0000   processes: a slot each
 *     0x7400_0000_0000   records of patched call sites: a slot for each process VM that has any
 *     0x7420_0000_0000   records of images: a slot for each process that was executed
 *     0x7480_0000_0000   pages of text that are being exchanged: one for each thread, empty but for that moment
 *     0x7fxx_xxxx_xxxx   what the kernel placed: our first stack, the vdso
 */
#ifndef TULOU_RUNTIME_LAYOUT_H
#define TULOU_RUNTIME_LAYOUT_H

#define TRAP_END        0x500000000000ul
#define POOL_END        RUNTIME_BASE
#define PLACEMENT_START 0x200000000000ul
#define RUNTIME_BASE    0x700000000000ul
#define BOOKS_BASE      0x710000000000ul
#define THREADS_BASE    0x720000000000ul
#define PROCESSES_BASE  0x730000000000ul
#define PATCHES_BASE    0x740000000000ul
#define IMAGES_BASE     0x742000000000ul
#define ASIDE_BASE      0x748000000000ul

#endif

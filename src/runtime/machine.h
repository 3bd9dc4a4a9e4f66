/* SPDX-License-Identifier: MIT */
/* machine.h - what the machine, or the control group that we are in, lets us have. */
#ifndef TULOU_RUNTIME_MACHINE_H
#define TULOU_RUNTIME_MACHINE_H

#include <stdint.h>

/* Bytes. The machine's memory: one system call. */
uint64_t machine_memory(void);
/* That, or the lowest limit of our control groups if it is less: reads some files. */
uint64_t machine_group_memory(void);

#endif

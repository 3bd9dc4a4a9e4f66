/* SPDX-License-Identifier: MIT */
/* exec_close.h - what execve(2) does to the descriptor table: it is no longer shared, and what is close-on-exec is closed. */
#ifndef TULOU_RUNTIME_EXEC_CLOSE_H
#define TULOU_RUNTIME_EXEC_CLOSE_H

void exec_close(void);

#endif

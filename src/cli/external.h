/* SPDX-License-Identifier: MIT */
/*
 * external.h - commands that are programs of their own: `tulou NAME …` executes tulou-NAME, which may use a libc.
 *
 *     DIR/tulou → DIR/tulou-NAME, else DIR/../libexec/tulou/tulou-NAME        DIR is where the executable lies
 */
#ifndef TULOU_CLI_EXTERNAL_H
#define TULOU_CLI_EXTERNAL_H

/* argv[0] is the command's name. Returns only when there is no such program (-ENOENT), or when it cannot be executed: a negative
 * errno. */
long external_exec(char **argv, char **envp);

#endif

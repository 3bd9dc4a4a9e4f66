/* SPDX-License-Identifier: MIT */
/* site.h - msync(address, size, 0), in ways that differ. */
#ifndef SITE_H
#define SITE_H

#include <stddef.h>

typedef long site_function(void *address, size_t size);

/* The usual form. Labels: behind its mov, and its syscall. */
site_function site_msync, site_msync_behind, site_msync_syscall;
/* Bytes before the syscall look like the form, and are none. */
site_function site_hidden;
/* -1: the carry flag, set before the call, was still set behind it. */
site_function site_flags;

#endif

/* SPDX-License-Identifier: MIT */
/* kernel_call.c - one request as the system call that it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tulou/abi.h>

#include "files.h"
#include "host/linux/syscall.h"
#include "side.h"

#ifndef __NR_mseal
#define __NR_mseal 462
#endif

unsigned char mincore_vector[MINCORE_MAX / PAGE];

long kernel_mmap(uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	return sys6(__NR_mmap, (long)addr, (long)size, prot, flags, fd, (long)offset);
}

long kernel_munmap(uintptr_t addr, size_t size)
{
	return sys2(__NR_munmap, (long)addr, (long)size);
}

static long kernel_madvise(const struct request *req)
{
	long result = sys3(__NR_madvise, (long)req->addr, (long)req->size, req->flags);

	/* What was freed is zeros or what it was, as the kernel likes it: this decides it. */
	if (req->flags == TULOU_MADV_FREE)
		sys3(__NR_madvise, (long)req->addr, (long)req->size, TULOU_MADV_DONTNEED);
	return result;
}

long kernel_call(const struct request *req)
{
	switch (req->call) {
	case CALL_MMAP:
		return kernel_mmap(req->addr, req->size, req->prot, req->flags, file_descriptor(req->file), req->offset);
	case CALL_MUNMAP:
		return kernel_munmap(req->addr, req->size);
	case CALL_MREMAP:
		return sys5(__NR_mremap, (long)req->addr, (long)req->size, (long)req->new_size, req->flags, (long)req->new_addr);
	case CALL_MPROTECT:
		if (req->flags)
			return sys4(__NR_pkey_mprotect, (long)req->addr, (long)req->size, req->prot, -1);
		return sys3(__NR_mprotect, (long)req->addr, (long)req->size, req->prot);
	case CALL_BRK:
		return sys1(__NR_brk, (long)req->addr);
	case CALL_MSYNC:
		return sys3(__NR_msync, (long)req->addr, (long)req->size, req->flags);
	case CALL_MADVISE:
		return kernel_madvise(req);
	case CALL_MINCORE:
		return sys3(__NR_mincore, (long)req->addr, (long)req->size, (long)mincore_vector);
	case CALL_MLOCK:
		if (req->prot == 2)
			return sys3(__NR_mlock2, (long)req->addr, (long)req->size, req->flags);
		return sys2(req->prot ? __NR_mlock : __NR_munlock, (long)req->addr, (long)req->size);
	case CALL_MLOCKALL:
		return req->prot ? sys1(__NR_mlockall, req->flags) : sys1(__NR_munlockall, 0);
	case CALL_MSEAL:
		return sys3(__NR_mseal, (long)req->addr, (long)req->size, req->flags);
	default:
		return -ENOSYS;
	}
}

long read_result(const uint8_t *bytes, long count)
{
	uint32_t hash = 1;

	if (count < 0)
		return count;
	for (long i = 0; i < count; i++)
		hash = hash * 31 + bytes[i];
	return count | (long)(hash & 0x7fffffff) << 32;
}

/* What was stored behind the end in a file's last page: file systems differ in whether it shows when the file grows. Here it does not. */
static void tail_clear(int fd, const struct request *req)
{
	off_t end = (off_t)(req->offset + (req->call == CALL_WRITE ? req->size : 0));
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size % PAGE && end > status.st_size)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, status.st_size, PAGE - status.st_size % PAGE);
}

long kernel_file_call(struct run *run, const struct request *req)
{
	static uint8_t bytes[FILE_BYTES_MAX];
	int fd = file_descriptor(req->file);

	(void)run;
	if (req->call == CALL_TRUNCATE || req->call == CALL_WRITE)
		tail_clear(fd, req);
	switch (req->call) {
	case CALL_TRUNCATE:
		return sys2(__NR_ftruncate, fd, (long)req->offset);
	case CALL_WRITE:
		memset(bytes, req->value, req->size);
		return sys4(__NR_pwrite64, fd, (long)bytes, (long)req->size, (long)req->offset);
	case CALL_READ:
		return read_result(bytes, sys4(__NR_pread64, fd, (long)bytes, (long)req->size, (long)req->offset));
	case CALL_CLOSE:
		return sys1(__NR_close, fd);
	case CALL_SEAL:
		return sys3(__NR_fcntl, fd, F_ADD_SEALS, req->flags);
	default:
		return -ENOSYS;
	}
}

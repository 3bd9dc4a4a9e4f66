/* SPDX-License-Identifier: MIT */
#include "runtime/elf/exec_file.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <asm/statfs.h>
#include <tulou/abi.h>
#include "host/linux/syscall.h"
#include "runtime/elf/bytes.h"

/* Kernel headers keep these from anybody who has seen a libc's. */
enum {
	TYPE_MASK = 0170000,
	TYPE_REGULAR = 0100000,
	TYPE_LINK = 0120000,
	TYPE_DIRECTORY = 0040000,
	SET_UID = 04000,
	SET_GID = 02000,
	GROUP_EXEC = 0010,
	MOUNT_NOSUID = 0x2, /* ST_NOSUID of statfs(2) f_flags */
	MAY_EXECUTE = 1, /* X_OK of access(2) */
	ACCESS_EFFECTIVE = 0x200, /* AT_EACCESS */
	SIGURG_NUMBER = 23 /* ignored unless it is caught */
};

enum { FD_LINK_SIZE = 40, DESCRIPTORS_MORE = 64 };

/* "/proc/thread-self/fd/N": of the thread, since a thread may have unshared its descriptors; of the process where they are the same, which
 * has the kernel make fewer names. */
static void fd_link(int fd, char link[FD_LINK_SIZE])
{
	char digits[12];
	bool is_leader = sys0(__NR_gettid) == sys0(__NR_getpid);
	unsigned at = sizeof(digits), number = (unsigned)fd;
	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	size_t used = text_put(link, FD_LINK_SIZE, 0, is_leader ? "/proc/self/fd/" : "/proc/thread-self/fd/");
	text_put(link, FD_LINK_SIZE, used, digits + at);
}

bool exec_file_path(int fd, char *path, size_t capacity)
{
	char link[FD_LINK_SIZE];
	fd_link(fd, link);
	long size = sys4(__NR_readlinkat, AT_FDCWD, (long)link, (long)path, (long)capacity - 1);
	if (size < 0)
		return false;
	path[size] = '\0';
	return true;
}

long exec_file_read(int fd, void *out, size_t size, uint64_t offset)
{
	size_t done = 0;
	while (done < size) {
		long got = sys4(__NR_pread64, fd, (long)((char *)out + done), (long)(size - done), (long)(offset + done));
		if (got == -TULOU_EINTR)
			continue;
		if (got < 0)
			return got;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (long)done;
}

static long type_check(const struct stat *stat, const char **why)
{
	switch (stat->st_mode & TYPE_MASK) {
	case TYPE_REGULAR:
		return 0;
	case TYPE_LINK:
		*why = "a symbolic link";
		return -TULOU_ELOOP;
	case TYPE_DIRECTORY:
		*why = "a directory";
		return -TULOU_EACCES;
	default:
		*why = "not a regular file";
		return -TULOU_EACCES;
	}
}

/* Writers of a memfd are not counted, so its text is never busy. */
static bool is_memfd(int fd)
{
	static const char mark[] = "/memfd:";
	char link[FD_LINK_SIZE], target[sizeof mark - 1];

	fd_link(fd, link);
	if (sys4(__NR_readlinkat, AT_FDCWD, (long)link, (long)target, sizeof target) != sizeof target)
		return false;
	for (size_t i = 0; i < sizeof target; i++)
		if (target[i] != mark[i])
			return false;
	return true;
}

/* The limit is raised for the one call; that another thread may open one more meanwhile does no harm. */
long exec_file_descriptor(int dirfd, const char *path, int flags)
{
	long fd = sys4(__NR_openat, dirfd, (long)path, flags, 0);
	struct rlimit64 limit, raised;

	if (fd != -TULOU_EMFILE || sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit) < 0)
		return fd;
	raised.rlim_cur = limit.rlim_cur + DESCRIPTORS_MORE;
	raised.rlim_max = limit.rlim_max < raised.rlim_cur ? raised.rlim_cur : limit.rlim_max;
	if (sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, (long)&raised, 0) < 0)
		return fd;
	fd = sys4(__NR_openat, dirfd, (long)path, flags, 0);
	sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0);
	return fd;
}

/* The descriptor itself is the file (fexecve). One that may write is what Linux calls a busy text. */
static long descriptor_open(int fd)
{
	long mode = sys2(__NR_fcntl, fd, F_GETFL);
	if (mode < 0)
		return mode;
	if (mode & O_PATH) {
		char link[FD_LINK_SIZE];
		fd_link(fd, link);
		return exec_file_descriptor(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
	}
	if ((mode & O_ACCMODE) != O_RDONLY && !is_memfd(fd))
		return -TULOU_ETXTBSY;
	return sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * Is it open for writing somewhere? The kernel refuses a read lease then (fcntl(2)); its own answer (AT_EXECVE_CHECK, Linux 6.14) costs
 * as much as a quarter of a spawn. Others' files cannot be leased: nobody notices there. Who opens it for writing in between breaks the lease: the
 * signal that says so must not end us.
 */
static bool is_busy(int fd)
{
	sys3(__NR_fcntl, fd, F_SETSIG, SIGURG_NUMBER);
	if (sys3(__NR_fcntl, fd, F_SETLEASE, F_RDLCK) == -TULOU_EAGAIN)
		return true;
	sys3(__NR_fcntl, fd, F_SETLEASE, F_UNLCK);
	return false;
}

long exec_file_open(int dirfd, const char *path, int flags, struct exec_file *out, const char **why)
{
	int look = flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
	bool itself = path[0] == '\0' && (flags & AT_EMPTY_PATH);
	*out = (struct exec_file){.fd = -1};

	long error = sys4(__NR_newfstatat, dirfd, (long)path, (long)&out->stat, look);
	if (error == 0)
		error = type_check(&out->stat, why);
	if (error)
		return error;
	error = sys4(__NR_faccessat2, dirfd, (long)path, MAY_EXECUTE, ACCESS_EFFECTIVE | look);
	if (error) {
		*why = error == -TULOU_EACCES ? "not executable" : *why;
		return error;
	}

	int nofollow = flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
	long fd = itself ? descriptor_open(dirfd) : exec_file_descriptor(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | nofollow);
	if (fd == -TULOU_EACCES || fd == -TULOU_EPERM) {
		out->unreadable = true;
		return 0;
	}
	if (fd < 0)
		return fd;
	out->fd = (int)fd;

	/* What was opened need not be what we looked at before. */
	struct stat before = out->stat;
	error = sys2(__NR_fstat, fd, (long)&out->stat);
	if (error == 0)
		error = type_check(&out->stat, why);
	if (error == 0 && (before.st_ino != out->stat.st_ino || before.st_dev != out->stat.st_dev))
		error = sys4(__NR_faccessat2, fd, (long)"", MAY_EXECUTE, ACCESS_EFFECTIVE | AT_EMPTY_PATH);
	if (error == 0 && !itself && is_busy((int)fd))
		error = -TULOU_ETXTBSY;
	if (error)
		exec_file_close(out);
	return error;
}

void exec_file_close(struct exec_file *file)
{
	if (file->fd >= 0)
		sys1(__NR_close, file->fd);
	file->fd = -1;
}

const char *exec_file_privilege(const struct exec_file *file)
{
	unsigned mode = file->stat.st_mode;
	const char *which = NULL;
	char capability[64]; /* struct vfs_ns_cap_data is 24 bytes; only that there is one matters */
	if ((mode & SET_UID) && file->stat.st_uid != (unsigned)sys0(__NR_geteuid))
		which = "set-user-id";
	else if ((mode & (SET_GID | GROUP_EXEC)) == (SET_GID | GROUP_EXEC) && file->stat.st_gid != (unsigned)sys0(__NR_getegid))
		which = "set-group-id";
	else if (sys4(__NR_fgetxattr, file->fd, (long)"security.capability", (long)capability, sizeof(capability)) > 0)
		which = "file capabilities";
	if (!which)
		return NULL;
	if (sys5(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return NULL;
	struct statfs mount;
	if (sys2(__NR_fstatfs, file->fd, (long)&mount) == 0 && (mount.f_flags & MOUNT_NOSUID))
		return NULL;
	return which;
}

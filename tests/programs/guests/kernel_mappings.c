/* SPDX-License-Identifier: MIT */
/*
 * kernel_mappings - mappings that the kernel itself places or fills: rings of io_uring, io_setup and perf_event_open, pages of
 * userfaultfd. They work, show in maps, can be unmapped, and collide with nothing that is mapped beside them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, ENTRIES = 8, SQE_SIZE = 64 };

#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static long show_answer(const char *call, long answer)
{
	printf("%s: %s\n", call, answer == -1 ? strerrorname_np(errno) : answer == 0 ? "0" : "more");
	return answer;
}

/* Perms and offset of the lines with this name. */
static void show_maps(const char *name)
{
	char line[400];
	FILE *file = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), file))
		if (strstr(line, name))
			printf("  %.13s %s\n", strchr(line, ' ') + 1, name);
	fclose(file);
}

/* ---- io_setup ------------------------------------------------------------------------------------------------------------------- */

static void check_aio(void)
{
	aio_context_t context = 0;
	char text[5] = "";
	int fd = open("/proc/self/exe", O_RDONLY), status;
	struct iocb block = {
		.aio_fildes = (uint32_t)fd, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_buf = (uintptr_t)text, .aio_nbytes = 4};
	struct iocb *blocks[] = {&block};
	struct io_event event;
	pid_t pid;

	SHOW(syscall(SYS_io_setup, ENTRIES, &context));
	show_maps("[aio]");
	SHOW(syscall(SYS_io_submit, context, 1, blocks) == 1 ? 0 : -1);
	SHOW(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1 ? 0 : -1);
	printf("read %s\n", text + 1);
	SHOW(mprotect((void *)context, PAGE, PROT_READ));
	SHOW(mprotect((void *)context, PAGE, PROT_READ | PROT_WRITE));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(syscall(SYS_io_submit, context, 1, blocks) == 1);
	SHOW(waitpid(pid, &status, 0) == pid ? status : -1);
	SHOW(syscall(SYS_io_destroy, context));
	SHOW(syscall(SYS_io_destroy, context));
	SHOW(syscall(SYS_io_setup, ENTRIES, &context)); /* the variable is not 0 */
	SHOW(syscall(SYS_io_setup, ENTRIES, NULL));
	SHOW(syscall(SYS_io_setup, 0, &(aio_context_t){0}));
	show_maps("[aio]");
	close(fd);
}

/* ---- io_uring -------------------------------------------------------------------------------------------------------------------- */

static unsigned *word(char *ring, uint32_t offset)
{
	return (unsigned *)(ring + offset);
}

static void submit_nop(int fd, char *ring, struct io_uring_sqe *entries, const struct io_uring_params *p)
{
	struct io_uring_cqe *completions = (struct io_uring_cqe *)(ring + p->cq_off.cqes);

	entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = 17};
	word(ring, p->sq_off.array)[0] = 0;
	__atomic_store_n(word(ring, p->sq_off.tail), 1, __ATOMIC_RELEASE);
	SHOW(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1 ? 0 : -1);
	SHOW((long)completions[0].user_data - 17);
}

static void check_uring(void)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	struct io_uring_sqe *entries;
	char *ring;

	if (fd < 0) {
		printf("no io_uring: %s\n", strerrorname_np(errno));
		return;
	}
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	entries = mmap(NULL, ENTRIES * SQE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	EXPECT(ring != MAP_FAILED && entries != MAP_FAILED);
	submit_nop(fd, ring, entries, &p);
	SHOW(mmap((void *)0x300000000000, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, IORING_OFF_SQ_RING));
	SHOW(mmap((void *)0x300000000000, PAGE, PROT_READ, MAP_SHARED, fd, IORING_OFF_SQ_RING));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1 << 16));
	show_maps("[io_uring]");
	SHOW(mremap(ring, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x300000000000));
	SHOW(mprotect(entries, PAGE, PROT_READ));
	show_maps("[io_uring]");
	SHOW(munmap(ring, size));
	SHOW(munmap(ring, size));
	SHOW(mprotect(ring, size, PROT_READ));
	show_maps("[io_uring]");
	SHOW(munmap(entries, PAGE));
	show_maps("[io_uring]");
	SHOW(close(fd));
}

/* ---- perf_event_open ----------------------------------------------------------------------------------------------------------------- */

static void check_perf(void)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 100000,
		.exclude_kernel = 1};
	int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
	struct perf_event_mmap_page *page;

	if (fd < 0) {
		printf("no perf: %s\n", strerrorname_np(errno));
		return;
	}
	page = mmap(NULL, 9 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(page != MAP_FAILED);
	SHOW(page->data_size - 8 * PAGE);
	show_maps("[perf_event]");
	SHOW(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	SHOW(munmap(page, 9 * PAGE));
	show_maps("[perf_event]");
	close(fd);
}

/* ---- userfaultfd ---------------------------------------------------------------------------------------------------------------------- */

static int faults;

static void *serve(void *unused)
{
	static char page[PAGE];
	struct uffd_msg message;
	struct pollfd ready = {.fd = faults, .events = POLLIN};

	memset(page, 7, PAGE);
	while (poll(&ready, 1, -1) > 0 && read(faults, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_copy copy = {
			.dst = message.arg.pagefault.address & ~(uint64_t)(PAGE - 1), .src = (uintptr_t)page, .len = PAGE};
		ioctl(faults, UFFDIO_COPY, &copy);
	}
	return unused;
}

static void check_faults(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0) {
		printf("no userfaultfd: %s\n", strerrorname_np(errno));
		return;
	}
	SHOW(ioctl(faults, UFFDIO_API, &api));
	area.range = (struct uffdio_range){(uintptr_t)at, 8 * PAGE};
	SHOW(ioctl(faults, UFFDIO_REGISTER, &area));
	SHOW(area.ioctls & 1ull << _UFFDIO_COPY);
	pthread_create(&thread, NULL, serve, NULL);
	SHOW(at[3 * PAGE] - 7);
	SHOW(at[9 * PAGE]);
	SHOW(munmap(at + PAGE, PAGE));
	SHOW(mprotect(at + 2 * PAGE, PAGE, PROT_READ));
	SHOW(at[2 * PAGE] - 7);
	area.range.start++;
	SHOW(ioctl(faults, UFFDIO_REGISTER, &area));
	area.range = (struct uffdio_range){(uintptr_t)at, 0};
	SHOW(ioctl(faults, UFFDIO_REGISTER, &area));
	area.range = (struct uffdio_range){PAGE, PAGE};
	SHOW(ioctl(faults, UFFDIO_REGISTER, &area));
	/* A hole is no error, nothing but a hole is. */
	area.range = (struct uffdio_range){(uintptr_t)at, 8 * PAGE};
	SHOW(ioctl(faults, UFFDIO_UNREGISTER, &area.range));
	SHOW(at[6 * PAGE]);
	SHOW(ioctl(faults, UFFDIO_REGISTER, &area));
	SHOW(at[5 * PAGE] - 7);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	check_aio();
	check_uring();
	check_perf();
	check_faults();
	return 0;
}

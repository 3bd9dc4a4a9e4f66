/* SPDX-License-Identifier: MIT */
/*
 * share_pointer - two processes, one pointer.
 *
 *     tulou run -- ./share_pointer send FIFO + ./share_pointer receive FIFO
 *
 * The sender allocates a message with malloc and writes its address, eight bytes, into the FIFO. The receiver, a process with a pid
 * of its own, reads the address and uses it as it is: no shared memory was set up, since there is one address space only. The
 * semaphore in the message works for the same reason. Run without Tulou, the address means nothing to the receiver, which dies.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct message {
	sem_t answered; /* the receiver has written its part */
	char question[64];
	char answer[64];
	int numbers[1000];
	long sum;
};

static int fifo_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static int send_pointer(const char *path)
{
	struct message *message = calloc(1, sizeof(*message));
	int fd = fifo_open(path, O_WRONLY);

	if (!message || sem_init(&message->answered, 1, 0)) {
		perror("sender");
		return 1;
	}
	strcpy(message->question, "what is the sum of these numbers?");
	for (int i = 0; i < 1000; i++)
		message->numbers[i] = i + 1;
	if (write(fd, &message, sizeof(message)) != sizeof(message)) {
		perror(path);
		return 1;
	}
	close(fd);
	while (sem_wait(&message->answered))
		;
	printf("sender: the receiver wrote \"%s %ld\" into my memory\n", message->answer, message->sum);
	free(message);
	return 0;
}

static int receive_pointer(const char *path)
{
	struct message *message;
	int fd = fifo_open(path, O_RDONLY);

	if (read(fd, &message, sizeof(message)) != sizeof(message)) {
		perror(path);
		return 1;
	}
	close(fd);
	printf("receiver: the sender asks \"%s\"\n", message->question);
	fflush(stdout);
	for (int i = 0; i < 1000; i++)
		message->sum += message->numbers[i];
	strcpy(message->answer, "it is");
	sem_post(&message->answered);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "send") == 0)
		return send_pointer(argv[2]);
	if (argc == 3 && strcmp(argv[1], "receive") == 0)
		return receive_pointer(argv[2]);
	fprintf(stderr, "usage: share_pointer send FIFO | receive FIFO\n");
	return 2;
}

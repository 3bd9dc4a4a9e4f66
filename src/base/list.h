/* SPDX-License-Identifier: MIT */
/* list.h - a ring of links with a head: insert and remove in O(1), no allocation. An empty head points at itself. */
#ifndef TULOU_BASE_LIST_H
#define TULOU_BASE_LIST_H

#include "compiler.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Behind `at`: at the front when `at` is the head. */
static inline void list_insert(struct list *at, struct list *link)
{
	link->prev = at;
	link->next = at->next;
	at->next->prev = link;
	at->next = link;
}

static inline void list_append(struct list *head, struct list *link)
{
	list_insert(head->prev, link);
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->next = link->prev = link;
}

#define list_for_each(link, head) for (struct list *link = (head)->next; link != (head); link = link->next)

#endif

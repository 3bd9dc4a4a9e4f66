/* SPDX-License-Identifier: MIT */
/* list.h - a ring of links with a head: insert and remove in O(1), no allocation. An empty head points at itself. */
#ifndef TULOU_BASE_LIST_H
#define TULOU_BASE_LIST_H

#include "journal.h"

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
static inline void list_insert(struct list *at, struct list *link, struct journal *journal)
{
	journal_set(journal, &link->prev, at);
	journal_set(journal, &link->next, at->next);
	journal_set(journal, &at->next->prev, link);
	journal_set(journal, &at->next, link);
}

static inline void list_append(struct list *head, struct list *link, struct journal *journal)
{
	list_insert(head->prev, link, journal);
}

static inline void list_remove(struct list *link, struct journal *journal)
{
	journal_set(journal, &link->prev->next, link->next);
	journal_set(journal, &link->next->prev, link->prev);
	journal_set(journal, &link->next, link);
	journal_set(journal, &link->prev, link);
}

#define list_for_each(link, head) for (struct list *link = (head)->next; link != (head); link = link->next)

#endif

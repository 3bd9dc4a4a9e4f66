/* SPDX-License-Identifier: MIT */
/*
 * journal.pml - the protocol of journal.h and lock.h, for spin: locks that are taken over, an undo log, death at any instruction.
 *
 *     callers 1, 2   share a process VM, so they take its lock P and its journal in turns; each changes what C guards, or M and C
 *     neighbour 3    changes what C guards, and has another journal
 *     supervisor 4   only looks, at what C guards and then M
 *     killer         ends up to DEATHS of them, between any two of their steps
 *
 * A block (journal_note_block) is one entry here: its words stand before the count says so, and are all back before the count goes down; who
 * dies in between leaves a count that has them put back once more, which changes nothing.
 *
 * Each store into memory is a step of its own; a task that is killed does nothing more. Checked: whoever holds a guard, and has recovered, finds
 * both words that it guards the same; nobody waits for ever; who comes last finds everything whole. A variant (-DVARIANT=n) breaks one
 * rule of the protocol, and must be found:
 *
 *     1  the store goes before the note            5  the guard is named after the first store
 *     2  the count goes before the entry           6  a journal is rolled back whoever its owner is
 *     3  rolling back goes from the first entry    7  claiming does not lock the journal
 *     4  the count goes before the restore         8  commit comes after the lock is dropped
 *     9  a taker goes on without rolling back     10  the count is read before the owner is known to be dead, and not again
 */
#ifndef VARIANT
#define VARIANT 0
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifndef WITH
#define WITH 2 /* the first caller with the second one (2) or the neighbour (3): all at once are too many states for a test */
#endif

#define TASKS   4
#if VARIANT == 3
#define ENTRIES 6
#else
#define ENTRIES 4
#endif
#define NONE    2 /* a guard names no journal */

bool dead[TASKS + 1];
byte deaths;

/* Two words each under M (0, 1) and C (2, 3). */
byte memory[4];

byte lock_p, lock_m, lock_c;
byte names_m = NONE, names_c = NONE; /* which journal the guard names */

typedef journal {
	byte lock;
	byte owner, count;
	byte place[ENTRIES];
	byte old[ENTRIES];
};
journal journals[2];

/* ---- lock.h ------------------------------------------------------------------------------------------------------------------ */

inline lock_take(word, over)
{
	if
	:: atomic { word == 0 -> word = self; over = false }
	:: atomic { word != 0 && dead[word] -> word = self; over = true }
	fi
}

/* ---- journal.h ----------------------------------------------------------------------------------------------------------------- */

inline journal_note(j, where)
{
#if VARIANT == 2
	journals[j].count++;
	d_step { journals[j].place[journals[j].count - 1] = where; journals[j].old[journals[j].count - 1] = memory[where] }
#else
	d_step { journals[j].place[journals[j].count] = where; journals[j].old[journals[j].count] = memory[where] };
	journals[j].count++
#endif
}

inline journal_set(j, where, value)
{
#if VARIANT == 1
	was = memory[where];
	memory[where] = value;
	d_step { journals[j].place[journals[j].count] = where; journals[j].old[journals[j].count] = was };
	journals[j].count++
#else
	journal_note(j, where);
	memory[where] = value
#endif
}

/* What a task remembers for nothing makes states that differ for nothing. */
inline forget()
{
	owner = 0; head = 0; at = 0; over2 = false
}

inline rollback_locked(j)
{
	/* What an owner noted that is known to be dead is final; what was read before may not be. */
	do
	:: skip;
		d_step { owner = journals[j].owner; head = journals[j].count };
		if
		:: head == 0 -> break
#if VARIANT == 6
		:: else -> break
#else
		:: head > 0 && !dead[owner] -> head = 0; break
		:: head > 0 && dead[owner] ->
#if VARIANT == 10
			break
#else
			if
			:: owner == journals[j].owner && head == journals[j].count -> break
			:: else
			fi
#endif
#endif
		fi
	od;
	if
	:: head > 0 ->
#if VARIANT == 3
		at = 0;
		do
		:: at < head -> memory[journals[j].place[at]] = journals[j].old[at]; at++
		:: else -> break
		od;
		journals[j].count = 0
#else
		do
		:: head > 0 ->
#if VARIANT == 4
			head--;
			journals[j].count = head;
			memory[journals[j].place[head]] = journals[j].old[head]
#else
			memory[journals[j].place[head - 1]] = journals[j].old[head - 1];
			head--;
			journals[j].count = head
#endif
		:: else -> break
		od
#endif
	:: else
	fi
}

inline journal_recover(j)
{
	lock_take(journals[j].lock, over2);
	rollback_locked(j);
	skip;
	d_step { journals[j].lock = 0; forget() }
}

inline journal_claim(j)
{
#if VARIANT != 7
	lock_take(journals[j].lock, over2);
	rollback_locked(j);
#endif
	skip;
	d_step { journals[j].owner = self; journals[j].count = 0 };
#if VARIANT != 7
	d_step { journals[j].lock = 0; forget() }
#endif
}

/* `mine` is the journal to be named, or NONE. Words a and b are what it guards. */
inline guard_take(word, names, mine, a, b)
{
	lock_take(word, over);
#if VARIANT != 9
	if
	:: over && names != NONE -> j = names; journal_recover(j)
	:: else
	fi;
#endif
	skip;
	d_step { assert(memory[a] == memory[b]); j = 0; over = false };
#if VARIANT != 5
	names = mine
#endif
}

inline guard_drop(word, names)
{
#if VARIANT != 8
	if
	:: names != NONE -> journals[names].count = 0
	:: else
	fi;
#endif
#if VARIANT == 8
	j = names;
#endif
	names = NONE;
	word = 0;
#if VARIANT == 8
	if
	:: j != NONE -> journals[j].count = 0
	:: else
	fi
#endif
}

/* ---- the tasks ------------------------------------------------------------------------------------------------------------------ */

#define LOCALS \
	byte owner, head, at, j, was; \
	bool over, over2

/* Whoever looks: takes a guard, which may be over from a dead one, and sees that what it guards is whole. */
inline look(word, names, a, b)
{
	guard_take(word, names, NONE, a, b);
	guard_drop(word, names)
}

inline change(mine, names, a, b)
{
#if VARIANT == 3
	journal_set(mine, a, 2); /* twice in one change: only that tells the first entry from the last */
	journal_set(mine, a, 1 - memory[b]);
#else
	journal_set(mine, a, 1 - memory[a]);
#endif
#if VARIANT == 5
	names = mine;
#endif
	journal_set(mine, b, 1 - memory[b])
}

/* Both guards at once: when the inner one is dropped, which commits all, nothing is half done under the outer one. */
inline change_both(mine)
{
	guard_take(lock_m, names_m, mine, 0, 1);
	guard_take(lock_c, names_c, mine, 2, 3);
	change(mine, names_m, 0, 1);
	change(mine, names_c, 2, 3);
	guard_drop(lock_c, names_c);
	guard_drop(lock_m, names_m)
}

inline change_inner(mine)
{
	guard_take(lock_c, names_c, mine, 2, 3);
	change(mine, names_c, 2, 3);
	guard_drop(lock_c, names_c)
}

proctype caller(byte self)
{
	LOCALS;
	{
		lock_take(lock_p, over);
		if
		:: over -> journal_claim(0)
		:: else -> d_step { journals[0].owner = self; journals[0].count = 0 }
		fi;
		if
		:: change_both(0)
		:: change_inner(0)
		fi;
		lock_p = 0
	} unless { dead[self] }
}

proctype neighbour(byte self)
{
	LOCALS;
	{
		d_step { journals[1].owner = self; journals[1].count = 0 };
		change_inner(1)
	} unless { dead[self] }
}

proctype supervisor(byte self)
{
	LOCALS;
	{
		look(lock_c, names_c, 2, 3);
		look(lock_m, names_m, 0, 1)
	} unless { dead[self] }
}

proctype killer()
{
	byte victim;

	do
	:: deaths < DEATHS ->
		select(victim : 1 .. TASKS);
		atomic {
			if
			:: !dead[victim] -> dead[victim] = true; deaths++
			:: else
			fi
		}
	:: break
	od
}

/* Who comes last finds everything whole, whoever died where; and nobody waits for ever (spin's invalid end states). */
init
{
	byte self = 5;
	LOCALS;

	atomic {
		run caller(1);
#if WITH == 2
		run caller(2);
#else
		run neighbour(3);
#endif
		run supervisor(4);
		run killer()
	};
	_nr_pr == 1;
	lock_take(lock_p, over);
	if
	:: over -> journal_claim(0)
	:: else
	fi;
	look(lock_m, names_m, 0, 1);
	look(lock_c, names_c, 2, 3)
}

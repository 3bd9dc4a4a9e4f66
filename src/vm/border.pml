/* SPDX-License-Identifier: MIT */
/*
 * border.pml - the protocol of neighbours.h, for spin: room in the chunks of another process, taken while that one stands still, or
 * is dead.
 *
 *     callers 1, 2 of process 0, 3 and 4 of process 1     each makes one call: it uses the room in its own chunk, or wants that of the other
 *     freezer 5                                           a fork: the border, and then both locks
 *     killer                                              ends up to DEATHS of them, between any two of their steps
 *
 * Each process has a lock, a map, and one page of room, which the manager says is its own (`chunk`), and its map believes to be
 * until it has learnt otherwise (`believes`). A change of a map takes two steps, and is half done in between; who dies there has it
 * taken back by the one who takes the lock over (journal.pml), who may not begin while somebody looks. What the manager's lock
 * guards is one step: it is noted. Checked: who looks at a map sees nothing half done, and nothing changes while it looks; no page
 * is used by two; nobody uses what the manager says is another's; no circle of tasks that wait for each other. A variant
 * (-DVARIANT=n) breaks one rule, and must be found:
 *
 *     1  who takes over from one who was parked does not wait for the border       5  who was parked does not catch up
 *     2  parked is said before what one has begun is done                          6  the neighbour is not told that its room is gone
 *     3  parked is taken back before the border is held                            7  who takes over waits for a border that it holds itself
 *     4  who waits for a neighbour does not look whether it is parked              8  nobody parks
 *     9  who takes over drops the border before it says that nobody is parked
 */
#ifndef VARIANT
#define VARIANT 0
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

#ifndef CALLERS
#define CALLERS 3
#endif

#define TASKS 5

bool dead[TASKS + 1];
byte deaths;

byte lock[2], border;      /* who holds it; 0: nobody */
bool parked[2], half[2];   /* half: its map is in the middle of a change */
bool stale[2];             /* others have taken what its map believes to be room */
bool believes[2] = true;   /* its map says: room, and its own */
bool used[2];              /* its map says: an area */
byte chunk[2];             /* whose chunk the room of 0, of 1 is in: the manager's */
byte looks[2];             /* for the assertions: how many look at its map without its lock */

#define can_take(word) (word == 0 || dead[word])

/* ---- a map ------------------------------------------------------------------------------------------------------------------- */

inline map_begin(p)
{
	d_step { assert(looks[p] == 0); half[p] = true }
}

inline catch_up(p)
{
	if
	:: stale[p] -> map_begin(p); d_step { believes[p] = false; stale[p] = false; half[p] = false }
	:: else
	fi
}

/* ---- locks ------------------------------------------------------------------------------------------------------------------- */

inline border_take()
{
	atomic { can_take(border) -> border = self }
}

/* process_vm_taken_over(): what was begun is taken back once nobody looks any more, nor can begin to. */
inline taken_over(p)
{
	if
#if VARIANT == 1
	:: parked[p] -> parked[p] = false
#elif VARIANT == 7
	:: parked[p] -> border_take(); parked[p] = false; border = 0
#elif VARIANT == 9
	:: parked[p] && border != self -> border_take(); border = 0; parked[p] = false
	:: parked[p] && border == self -> parked[p] = false
#else
	:: parked[p] && border != self -> border_take(); parked[p] = false; border = 0
	:: parked[p] && border == self -> parked[p] = false
#endif
	:: !parked[p]
	fi;
	map_begin(p);
	half[p] = false
}

inline enter(p)
{
	if
	:: atomic { lock[p] == 0 -> lock[p] = self }
	:: atomic { lock[p] != 0 && dead[lock[p]] -> lock[p] = self }; taken_over(p)
	fi;
	catch_up(p)
}

/* neighbour_hold() */
inline hold(q, locked)
{
	if
	:: atomic { lock[q] == 0 -> lock[q] = self; locked = true }
	:: atomic { lock[q] != 0 && dead[lock[q]] -> lock[q] = self; locked = true }; taken_over(q)
#if VARIANT != 4
	:: atomic { lock[q] != 0 && !dead[lock[q]] && parked[q] -> locked = false; looks[q]++ }
#endif
	fi
}

/* A task that is killed looks no more: see killer. */
inline release(q, locked)
{
	if
	:: locked -> lock[q] = 0
	:: else -> looks[q]--
	fi
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------- */

inline use_own(p)
{
	if
	:: believes[p] && !used[p] ->
		map_begin(p);
		d_step { assert(chunk[p] == p); used[p] = true; half[p] = false }
	:: else
	fi
}

inline take_neighbours(p)
{
#if VARIANT == 2
	map_begin(p);
#endif
#if VARIANT != 8
	parked[p] = true;
#endif
#if VARIANT == 3
	parked[p] = false;
#endif
	border_take();
#if VARIANT == 2
	half[p] = false;
#endif
	parked[p] = false;
#if VARIANT != 5
	catch_up(p);
#endif
	hold(q, locked);
	assert(!half[q]);
	free = believes[q] && !used[q] && !stale[q];
	assert(!half[q]);
	if
	:: free && chunk[q] == q -> /* the manager's lock: one noted step */
		d_step {
			assert(!used[q] && !half[q]);
			chunk[q] = p;
#if VARIANT != 6
			stale[q] = true
#endif
		}
	:: else
	fi;
	release(q, locked);
	border = 0;
	use_own(p)
}

proctype caller(byte self; byte p)
{
	byte q = 1 - p;
	bool locked, free;
	{
		enter(p);
		if
		:: true -> use_own(p)
		:: true -> take_neighbours(p)
		fi;
		lock[p] = 0
	} unless { dead[self] }
}

proctype freezer(byte self)
{
	bool locked, locked1;
	{
		border_take();
		hold(0, locked);
		assert(!half[0]);
		hold(1, locked1);
		assert(!half[0] && !half[1]);
		release(1, locked1);
		release(0, locked);
		border = 0
	} unless { dead[self] }
}

/* Who died while it looked without a lock held the border, which is taken over: it counts no more. One border, so one looker. */
proctype killer()
{
	byte victim;

	do
	:: deaths < DEATHS ->
		select(victim : 1 .. TASKS);
		atomic {
			if
			:: !dead[victim] ->
				dead[victim] = true;
				deaths++;
				if
				:: border == victim -> looks[0] = 0; looks[1] = 0
				:: else
				fi
			:: else
			fi
		}
	:: break
	od
}

init
{
	atomic {
		chunk[1] = 1;
		run caller(1, 0);
		run caller(2, 0);
		run caller(3, 1);
#if CALLERS == 4
		run caller(4, 1);
#endif
		run freezer(5);
		run killer()
	};
	_nr_pr == 1;
	assert(!(used[0] && chunk[0] != 0) && !(used[1] && chunk[1] != 1))
}

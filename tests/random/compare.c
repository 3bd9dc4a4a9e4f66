/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <string.h>
#include <sys/wait.h>

const char *difference_name(enum difference_kind kind)
{
	static const char *const names[] = {"none", "results differ", "maps differ", "the books and the host's pages differ",
		"contents differ", "an invariant is broken", "a side died", "the start failed"};

	return names[kind];
}

static enum difference_kind outcomes_compare(const struct outcome *leader, const struct outcome *follower)
{
	if (leader->result != follower->result)
		return DIFFERENCE_RESULT;
	if (memcmp(leader->maps, follower->maps, sizeof(leader->maps)) != 0)
		return DIFFERENCE_MAP;
	if (leader->bare_map != leader->real_map)
		return DIFFERENCE_REAL_MAP;
	if (memcmp(leader->contents, follower->contents, sizeof(leader->contents)) != 0)
		return DIFFERENCE_CONTENTS;
	if (leader->what[0])
		return DIFFERENCE_CHECK;
	return DIFFERENCE_NONE;
}

void records_compare(const struct sequence *seq, const struct record *leader, const struct record *follower,
	struct difference *out, void (*agreed)(const struct world *world, const struct outcome *outcome))
{
	unsigned count = leader->done < follower->done ? leader->done : follower->done;

	*out = (struct difference){.kind = DIFFERENCE_NONE};
	if (leader->start_what[0] || follower->start_what[0] ||
		(leader->done && map_hash(&leader->start) != map_hash(&follower->start))) {
		out->kind = DIFFERENCE_START;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		enum difference_kind kind = outcomes_compare(&leader->outcomes[i], &follower->outcomes[i]);

		out->index = i;
		if ((kind == DIFFERENCE_RESULT || kind == DIFFERENCE_MAP) &&
			deviation_find(&leader->outcomes[i], &follower->outcomes[i])) {
			/* what only one of them moved out of the arena leaves the maps alike, but not the contents */
			out->ended_early =
				memcmp(leader->outcomes[i].maps, follower->outcomes[i].maps, sizeof(leader->outcomes[i].maps)) ||
				(leader->outcomes[i].result < 0) != (follower->outcomes[i].result < 0);
			if (out->ended_early)
				return;
			continue;
		}
		out->kind = kind;
		if (kind)
			return;
		out->compared++;
		if (agreed)
			agreed(&seq->world, &leader->outcomes[i]);
	}
	if (count == seq->count && WIFEXITED(leader->status) && WIFEXITED(follower->status) && !WEXITSTATUS(leader->status) &&
		!WEXITSTATUS(follower->status))
		return;
	out->kind = DIFFERENCE_DEATH;
	out->index = count < seq->count ? count : count - 1;
}

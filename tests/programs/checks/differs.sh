# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What docs/linux-compat.md says to differ from Linux, or to be missing, answers as it says.
tulou_only
answer=$(run differs) || fail "differs ends with $?"
[ "$answer" = 'as the document says' ] || fail "$answer"

# RLIMIT_MEMLOCK, without CAP_IPC_LOCK, bounds the sum of all guests.
need setpriv prlimit
limited()
{
	prlimit --memlock=65536:65536 setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock "$@"
}
limited differs lock more || fail "natively each has its own limit: $?"
limited "$TULOU" run -- differs lock || fail "one alone: $?"
limited "$TULOU" run -- differs lock more
[ $? = 9 ] || fail 'two together are not above the limit of one'

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A vfork child is killed, and its parent goes on; then a parent that waits for its vfork child, which lives on in its memory, and is killed in
# the end: nothing is left of either but who was there before.
tulou_only
. "$(dirname "$CASES")/books.sh"
start hold 1 "$PWD/ready" + hold vfork "$PWD/vforked"
await has_lines ready 1
await has_lines vforked 2
holder=$(cat ready)
processes()
{
	books "$holder" | cut -d ' ' -f 1
}
[ "$(processes)" = 2 ] || fail "$(processes) process VMs beside a vfork child"
kill -9 "$(sed -n 2p vforked)"
await has_lines vforked 5
[ "$(sed -n 3p vforked)" = 'reaped 9' ] || fail "the parent says: $(sed -n 3p vforked)"
kill -9 "$(sed -n 4p vforked)"
sleep 0.2
[ "$(processes)" = 2 ] || fail "$(processes) process VMs while the child lives"
kill -9 "$(sed -n 5p vforked)"
alone()
{
	[ "$(processes)" = 1 ]
}
await alone
kill "$holder"
wait "$run"
[ $? = 143 ] || fail "the run ends with $?"

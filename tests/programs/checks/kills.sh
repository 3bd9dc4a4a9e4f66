# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Processes are killed with SIGKILL wherever they are, while they map, unmap, protect, move and spawn. Their neighbours verify their own
# memory all the time; in the end the books are sound, and all that the dead had is back.
#
# KILLS of them (10,000), or as many as fit into KILLS_SECONDS (120).
tulou_only
. "$(dirname "$CASES")/books.sh"

# What the instance of PID says of its books.
sound()
{
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "\0tulou/$ARGV[0]") or exit 1;
		print $s "check\n"; $s->flush; print while <$s>' "$1"
}

start kills-static driver "${KILLS:-10000}" "${KILLS_SECONDS:-120}" "$PWD/stop" > output + kills-static bystander "$PWD/stop" + kills-static bystander "$PWD/stop" \
	+ hold 1 "$PWD/ready"
until has_lines ready 1; do
	kill -0 "$run" 2> /dev/null || fail "the run has ended"
	sleep 0.01
done
holder=$(cat ready)
until [ -e stop ]; do
	kill -0 "$run" || fail "the run has ended: $(cat output)"
	sleep 0.2
done
cat output
# Only the one who holds a MiB is left.
alone()
{
	kill -0 "$run" || fail "the run has ended"
	[ "$(books "$holder" | cut -d ' ' -f 1)" = 1 ]
}
await alone
left=$(books "$holder")
[ "${left##* }" -lt $((12 << 20)) ] || fail "left are $left"
answer=$(sound "$run")
echo "$answer"
case $answer in
sound*) ;;
*) fail "the books: $answer" ;;
esac
kill "$holder"
wait "$run" || fail "the driver ends with $?"
[ "$(grep -c verified output)" = 2 ] || fail "the bystanders: $(cat output)"

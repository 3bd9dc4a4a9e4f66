# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Programs that cannot be started: status 126 or 127 as env(1) gives, one line with the name and the kernel's reason.
tulou_only
. "$CLI/expect.sh"
echo 'text without an interpreter line' > text
: > empty
printf '#!/no/such/interpreter\n' > missing
printf '#!%s/text\n' "$PWD" > by-text
printf '#!%s\n' "$PWD" > by-directory
printf '#!\n' > no-name
printf '#!%s/loop2\n' "$PWD" > loop1
printf '#!%s/loop1\n' "$PWD" > loop2
chmod 755 text empty missing by-text by-directory no-name loop1 loop2
echo plain > not-executable
mkdir directory
ln -s nowhere dangling
ln -s circle circle
seq 1 2000 | gzip -n | tail -c +20 > noise
chmod 755 noise
printf '\177ELF' > only-magic
chmod 755 only-magic

for name in ./no-such-file ./text ./empty ./missing ./by-directory ./no-name ./loop1 ./not-executable ./directory \
	./dangling ./circle ./text/x ./noise ./only-magic '' "./$(printf '%0300d' 0)" /dev/null /proc/self/mem; do
	status=0
	"$HELPERS/execve" "$name" > /dev/null 2> native || status=$?
	[ $status = 126 ] || [ $status = 127 ] || fail "execve $name ends with $status"
	reason=$(sed 's/.*: //' native)
	expect $status "$(printf %s "$name" | sed 's/[][\.*^$+?(){}|]/\\&/g' | cut -c 1-100).*$reason" run -- "$name"
	# Also as the second program: the first one's status counts, the message is the same.
	status=0
	"$TULOU" run -- true + "$name" > out 2> err || status=$?
	judge $status $status "$reason" "tulou run -- true + $name"
done
# An interpreter that is a text file.
status=0
"$HELPERS/execve" ./by-text > /dev/null 2>&1 || status=$?
expect $status by-text run -- ./by-text
# A name that PATH does not lead to.
expect 127 no-such-program run -- no-such-program
# And a run whose first program cannot start does not leave the others behind.
status=0
"$TULOU" run -- ./no-such-file + true > out 2> err || status=$?
judge $status 127 'no-such-file' 'tulou run -- ./no-such-file + true'
expect_done

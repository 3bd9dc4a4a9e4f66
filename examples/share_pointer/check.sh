# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The example does what its README says: the commands printed there are run, the output printed there is expected.
tulou_only
readme=$EXAMPLE_SOURCE/README.md
sed -n '/^prints$/,$p' "$readme" | sed -n '/^```$/,/^```$/p' | grep -v '^```' > expected
[ -s expected ] || fail "no output in $readme"
cp "$EXAMPLE_PROGRAM" share_pointer
cat > tulou-path <<END
export PATH='$(dirname "$TULOU")':"\$PATH"
END
{ cat tulou-path; sed -n '/^```sh$/,/^```$/p' "$readme" | grep -v -e '^```' -e '^gcc '; } > commands
for round in 1 2 3; do
	rm -f fifo
	status=0
	bash -e commands > output || status=$?
	[ $status = 0 ] || fail "round $round ends with $status: $(cat output)"
	sort output | diff <(sort expected) - || fail "round $round prints something else"
done

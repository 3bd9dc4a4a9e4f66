# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# books.sh - what checks of `tulou map` share.

# books PID: what the chart of PID's instance says of its contents: "processes VMAs bytes", the bytes rounded as the chart rounds
books()
{
	"$TULOU" map "$1" > map-output || return 1
	perl -ne '$processes = $1 if /(\d+) process VMs?/; $areas = $1 if /(\d+) VMAs?\s*[^\w]*$/;
		$bytes = int($1 * 1024 ** (1 + index "KMGTP", $2)) if /([\d.]+) ([KMGTP])iB in VMAs/;
		END { exit 1 unless defined $processes and defined $areas and defined $bytes; print "$processes $areas $bytes\n" }' map-output
}

# milliseconds
milliseconds()
{
	local now=$EPOCHREALTIME
	echo $((${now/./} / 1000))
}

# has_lines FILE COUNT
has_lines()
{
	[ -f "$1" ] && [ "$(wc -l < "$1")" -ge "$2" ]
}

# back PID BEFORE: wait until `books` says BEFORE again; prints the milliseconds it took since the call; fails after 5 s
back()
{
	local start now
	start=$(milliseconds)
	while :; do
		now=$(milliseconds)
		if [ "$(books "$1")" = "$2" ]; then
			echo $((now - start))
			return 0
		fi
		[ $((now - start)) -lt 5000 ] || return 1
	done
}

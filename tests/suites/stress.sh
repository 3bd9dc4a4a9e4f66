#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stress.sh [STRESSOR…] - stress-ng with --verify: the same exit status, the same complaints, and progress where there is some natively.
# Every process may have 3 GB of address space, so that what fills memory fills no more than that.
# shellcheck source=tests/suites/suite.sh
. "$TULOU_SOURCE/tests/suites/suite.sh"
command -v stress-ng > /dev/null || skip 'stress-ng is not installed'

stressors=(mmap mmapfixed mmapaddr mmapmany mremap mprotect madvise mincore mlock msync brk shm shm-sysv memfd stackmmap vm vm-addr
	malloc bigheap)
seconds=1
if [ "$form" = long ]; then
	seconds=5
	# Not mmapfork: 16 processes that take all the memory there is; not hugetlb, sigbus, socket: other programs of that name are meant.
	stressors+=(mmaphuge mlockmany munmap pagemove remap fork vfork vforkmany exec spawn clone fault sigsegv userfaultfd tmpfs rmap zero null
		physpage numa stack sigtrap signest sigpipe sigabrt sigfd sigio sigpending sigrt sigsuspend pthread tee vm-segv vm-splice
		secretmem membarrier nanosleep futex mutex pipe pipeherd sem sem-sysv msg mq fifo poll schedpolicy wait zombie daemon session set
		procfs prctl rlimit memrate switch stream misaligned mlockmany memthrash mcontend full dev-shm tsc getrandom get resources
		dentry fiemap sendfile copy-file seek itimer timer timerfd eventfd epoll aio io-uring userfaultfd peterson affinity cyclic kcmp
		env loadavg icache locka lockf lease exit-group pidfd ptrace seccomp sysinfo vdso x86syscall)
fi
[ $# -eq 0 ] || stressors=("$@")

# What it complains of; in the long form also whether it got on, since a second may not be enough for that on a busy machine.
# shellcheck disable=SC2329 # called by compare
verdict()
{
	awk -v form="$form" '{ sub(/^stress-ng: /, ""); sub(/\[[0-9]+\] /, "") }
		/^(fail|error):/ || /skipp|untested|unsuccessful|cannot/ { gsub(/0x[0-9a-f]+/, "H"); gsub(/[0-9]+(\.[0-9]+)?/, "N"); print }
		form == "long" && /^metrc:/ && $3 ~ /^[0-9]+$/ && NF == 8 { print $2, ($3 > 0 ? "got on" : "did nothing") }' | sort -u
}

for stressor in "${stressors[@]}"; do
	options= as=
	case $stressor in
	mmap | vm | vm-splice | memfd) options="--$stressor-bytes 64m" ;;
	shm | shm-sysv) options="--$stressor-bytes 8m" ;;
	exec | spawn | mlockmany) [ "$(id -u)" != 0 ] || as='setpriv --reuid=65534 --regid=65534 --clear-groups' ;; # it refuses root
	esac
	# shellcheck disable=SC2016 # for the guest
	# shellcheck disable=SC2086 # options
	compare "stress-ng $stressor" $((seconds + 60)) verdict '' sh -c 'ulimit -v 3000000
		stressor=$1 seconds=$2 as=$3; shift 3; chmod 777 .
		exec $as stress-ng --"$stressor" 1 "$@" --timeout "$seconds" --verify --metrics-brief --no-rand-seed --temp-path .' sh \
		"$stressor" $seconds "$as" $options
done
suite_end

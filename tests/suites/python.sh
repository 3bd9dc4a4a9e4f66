#!/bin/bash
# SPDX-License-Identifier: MIT
#
# python.sh [MODULE…] - Python's own tests (Debian's libpython3.*-testsuite): each test must have the same result on both sides.
# shellcheck source=tests/suites/suite.sh
. "$TULOU_SOURCE/tests/suites/suite.sh"
/usr/bin/python3 -c 'import test.test_mmap' 2> /dev/null || skip "Python's tests are not installed (libpython3.11-testsuite)"

modules=(test_mmap test_gc test_ctypes test_thread test_os test_posix test_memoryview test_resource test_shutil)
if [ "$form" = long ]; then
	modules+=(test_array test_bytes test_buffer test_tracemalloc test_threading test_threading_local test_subprocess test_signal
		test_faulthandler test_fork1 test_wait3 test_wait4 test_io test_tempfile test_select test_poll test_epoll test_pty test_socket
		test_selectors test_zlib test_hashlib test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
		test_concurrent_futures test_cmd_line test_regrtest)
fi
[ $# -eq 0 ] || modules=("$@")

# The result of each test, out of the report; what was printed where there is none.
# shellcheck disable=SC2329 # called by compare
results()
{
	/usr/bin/python3 -c '
import sys, xml.etree.ElementTree as tree
text = sys.stdin.read()
try:
    cases = list(tree.fromstring(text).iter("testcase"))
except tree.ParseError:
    sys.exit(print(text))
for case in sorted(cases, key=lambda case: case.get("name") or ""):
    print(case.get("name"), case.get("result"), *(kind.tag for kind in case if kind.tag in ("failure", "error", "skipped")))
print(len(cases), "results")'
}

for module in "${modules[@]}"; do
	# A virtual machine's sockets may lead to a host that never answers.
	# shellcheck disable=SC2016 # for the guest
	compare "$module" 600 results '' sh -c '
		/usr/bin/python3 -m test -i "*VSOCK*" --junit-xml report.xml "$1" > log 2>&1; status=$?; cat report.xml || cat log; exit $status' sh "$module"
done
suite_end

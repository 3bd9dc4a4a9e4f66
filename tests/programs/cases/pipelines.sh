# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Pipelines: of guests of one shell, and of instances side by side.
run seq 1 50000 | run sort -n | run uniq | run tail -n 1
run seq 1 20000 | run sed 's/7/x/g' | run grep -c x
status run sh -c 'seq 1 20000 | sort -rn | uniq | head -n 3 | tr 0-9 a-j'
status run sh -c 'yes | head -n 100000 | sha256sum'
status run bash -c 'set -o pipefail; yes | head -n 1; echo "${PIPESTATUS[@]}"'
status run sh -c 'for i in 1 2 3 4 5; do (echo "sub $i"; exit $i) | cat; done; echo $(echo nested $(echo deeper)); exit 3'
status run sh -c 'x=0; while [ $x -lt 30 ]; do x=$(expr $x + 1); done; echo $x'
status run sh -c 'echo background > f & wait; cat f; cat <<END
here $((6 * 7))
END'
status run sh -c 'trap "echo trapped; exit 4" TERM; kill -TERM $$; echo never'
status run sh -c 'exec 2> /dev/null; sleep 1000 & p=$!; kill $p; wait $p; echo $?' # whether it says "Terminated" is a matter of time
status run bash -c 'diff <(seq 1 5) <(seq 1 2 5); coproc cat; echo hello >&${COPROC[1]}; read -r x <&${COPROC[0]}; echo $x'
status run xargs -n 2 -P 3 echo < /dev/null
run seq 1 200 | run xargs -n 10 -P 4 sh -c 'echo $(($1 + 0))' x | sort -n

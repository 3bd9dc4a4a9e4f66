# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Programs that are started again and again fork, while a neighbour's forks hide from their copies what the others have.
need /usr/bin/python3
need dash
cat > again.py <<'END'
import subprocess
script = 'x=$( (echo a; echo b) | sort -r | tr -d "\\n"); echo $x; (exit 3); exit $?'
for i in range(100):
    result = subprocess.run(['dash', '-c', script], stdout=subprocess.PIPE)
    if result.stdout != b'ba\n' or result.returncode != 3:
        print(i, result)
print('a hundred shells')
END
together python3 again.py + bash -c 'for i in {1..150}; do (:); done; echo neighbour'

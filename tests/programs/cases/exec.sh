# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A chain of execve: argv[0], environment, descriptors, signals, limits, threads, execveat, a memfd; refusals in between.
ln -s exec-loop exec-loop
echo 'no interpreter line' > exec-text
: > exec-empty
printf '#!/no/such/interpreter\n' > exec-no-interpreter
chmod 755 exec-text exec-empty exec-no-interpreter
A=0 status run exec first "$GUESTS/exec"

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Scripts: arguments, an interpreter with an option, an interpreter that is a script, no interpreter line, a missing interpreter.
printf '#!/bin/sh\necho "$0" "$@"\nexit 3\n' > plain
printf '#!/bin/sh -e\nfalse\necho never\n' > option
printf '#!%s/show one  two \nignored\n' "$GUESTS" > shown
printf '#!%s/plain with\n' "$PWD" > nested
printf '#! /bin/sh\necho spaced\n' > spaced
printf 'echo without a line\n' > bare
printf '#!/no/such/interpreter\n' > missing
printf '#!/usr/bin/env sh\necho by env\n' > by-env
printf '#!/usr/bin/perl -w\nprint "perl @ARGV\\n";\n' > perl-script
chmod 755 plain option shown nested spaced bare missing by-env perl-script
status run ./plain a 'b c'
status run ./option
env -i "$TULOU" run -- ./shown x y
status run ./nested last
status run ./spaced
status run sh -c './bare; ./by-env; ./plain from sh; ./missing 2> /dev/null; echo $?'
status run ./by-env
status run ./perl-script 1 2
PATH=$PWD:$PATH status run plain found in PATH

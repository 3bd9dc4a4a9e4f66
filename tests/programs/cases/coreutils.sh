# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# coreutils on a prepared directory: listing, copying, sorting, summing.
mkdir -p dir/sub
printf 'one\ntwo\nthree\n' > dir/words
printf '#!/bin/sh\necho hi\n' > dir/script
chmod 755 dir/script
chmod 640 dir/words
ln -s words dir/link
: > dir/sub/empty
touch -d '2024-01-02 03:04:05' dir/words dir/script dir/sub/empty dir/sub dir
status run true
status run false
status run echo 'a  b' 'c'
status run ls -la --time-style=full-iso dir/words dir/script dir/sub
status run ls -lR --time-style=full-iso dir/sub
status run ls dir/nothing
status run env -i A=1 B='two words' env
status run printenv HOME
status run sort -r dir/words
status run wc dir/words
status run cp -a dir copy
status run mv copy/words copy/moved
status run ln copy/moved copy/hard
status run rm -r copy/sub
status run diff -r dir copy
status run sha256sum dir/words copy/moved
status run tr a-z A-Z < dir/words
status run stat -c '%n %s %a %h' copy/hard copy/script
status run find dir -type f -name 'w*'
status run expr 6 '*' 7
status run test -x dir/script
status run pwd
status run timeout 0.05 sleep 60
status run nice -n 5 nice
status run seq -s, 1 20

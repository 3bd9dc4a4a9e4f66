# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A file of 40 MB through dd, cat, cmp, sha256sum, split, sort and head.
status run dd if=/dev/zero of=zeros bs=64k count=640 status=none
status run seq 1 1500000 > numbers
run cat zeros numbers | sha256sum
status run sh -c 'cat numbers | tail -n 2'
run sort -n -r numbers -o sorted
run head -n 3 sorted
status run split -b 8M numbers part.
run cat part.aa part.ab part.ac | run cmp - numbers
status run sha256sum part.aa
status run truncate -s 100 zeros
rm -f numbers sorted part.*

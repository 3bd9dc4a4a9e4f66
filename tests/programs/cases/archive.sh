# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# tar, gzip, xz and back; names, modes and contents kept.
mkdir -p tree/a/b
run seq 1 100000 > tree/a/numbers
run seq 1 10 > tree/a/b/few
ln -s a/numbers tree/link
status run tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -cf tree.tar tree
status run gzip -n -9 -k tree.tar
status run gzip -t tree.tar.gz
status run tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -I 'gzip -n' -cf piped.tar.gz tree
mkdir out
status run tar -xzf tree.tar.gz -C out
status run diff -r tree out/tree
status run tar -tf piped.tar.gz
status run sh -c 'gzip -dc piped.tar.gz | tar -xO tree/a/b/few'
if command -v xz > /dev/null; then
	status run xz -T 2 -k tree.tar
	status run xz -t tree.tar.xz
fi

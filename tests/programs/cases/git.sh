# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# git: init, commits, branches, merge, log, gc, clone of a local repository.
need git
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
status run git -c init.defaultBranch=main init -q repository
cd repository || exit
for i in 1 2 3 4 5 6; do
	seq "$i" $((i * 500)) > "file$i"
	echo "line $i" >> common
	run git add .
	run git commit -q -m "commit $i"
done
status run git log --stat
status run git checkout -q -b side HEAD~2
echo side > side
run git add side
status run git commit -q -m 'on the side'
status run git merge -q --no-edit main
status run git log --graph --oneline --all
status run git diff --stat HEAD~1
status run git grep -c 'line' HEAD -- common
status run git gc -q
status run git fsck
status run git count-objects
cd ..
status run git clone -q repository clone 2>&1
status run git -C clone log -1 --format=%H%n%an
status run git -C clone rev-parse HEAD
status run git -C clone no-such-command
run git -C repository archive HEAD | sha256sum
rm -rf repository clone

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Files of /proc about memory, PROCMAP_QUERY, and what pmap makes of them.
need pmap
status run proc_files
together proc_files + proc_files
# Names of mappings; which of the anonymous ones the kernel merges is its own business.
run bash -c 'pmap -X $$' | awk '{ print $NF }' | grep '^[A-Za-z[]' | grep -v '^gconv\|^KB$' | sort

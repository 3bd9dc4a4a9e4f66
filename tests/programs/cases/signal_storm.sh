# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A timer's signals against four threads that map and unmap, with memory calls in the handler; two such programs in one instance.
status run signal_storm
together signal_storm + map_threads

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What an exec keeps, resets and deletes beside memory: timers, signals, prctl, ids, capabilities, descriptors, limits.
for what in t s p m b f c u B r n tsT spF tsV sfV mV mF BV uF; do
	status run exec_state "$what"
done
together exec_state p + exec_state s | grep -v '^descriptor'

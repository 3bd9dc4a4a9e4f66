# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# musl, dynamic and static: other start-up, other allocator, other instruction patterns at its system calls.
need hosted-musl hosted-musl-static spawn-musl map_threads-musl
status run hosted-musl "$GUESTS/hosted-musl"
status run hosted-musl-static "$GUESTS/hosted-musl-static"
status run map_threads-musl
status run spawn-musl "$GUESTS/spawn-musl"

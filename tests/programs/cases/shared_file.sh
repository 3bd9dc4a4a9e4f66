# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two processes on one mapped file; coherence with read and write; the file's tail; errors.
status run shared_file "$GUESTS/shared_file"

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# C++ exceptions through frames and threads.
need exception
status run exception

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ppoll, pselect, epoll_pwait, epoll_pwait2, sigsuspend, sigtimedwait, signalfd: full masks, no lost wake-up.
status run signal_wait

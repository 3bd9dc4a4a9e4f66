# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Faults as signals: si_code, si_addr, repair and return, jumps; EFAULT for bad pointers.
status run signal_fault
together signal_fault + signal_fault

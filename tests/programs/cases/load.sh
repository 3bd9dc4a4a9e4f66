# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# dlopen and dlclose.
status run load "$GUESTS/plugin1.so" "$GUESTS/plugin2.so"

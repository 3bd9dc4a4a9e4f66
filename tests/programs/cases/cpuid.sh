# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What programs learn of the processor, when a dynamic linker asks for the first time and when it has asked often: glibc's, and one that asks
# in all forms that are answered without the processor. By path: posix_spawn looks nowhere.
status run cpuid often 6 "$GUESTS/cpuid-own"
status run cpuid spoil 5 "$GUESTS/cpuid-own"
together cpuid often 12 "$GUESTS/cpuid-own" + cpuid often 12 "$GUESTS/cpuid-own"
status run cpuid often 6 "$GUESTS/cpuid" features
status run cpuid often 3 "$GUESTS/cpuid" faulting
# All but the leaf that has the processor's APIC id.
status run /lib64/ld-linux-x86-64.so.2 --list-diagnostics | grep '^x86.cpu_features' | grep -v 'features.0x0..cpuid.0x1.'

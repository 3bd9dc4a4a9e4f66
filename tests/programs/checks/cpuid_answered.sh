# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# `tulou run --stats` counts what cpuid was answered without the processor: of linkers that are started again and again, not with --no-patch.
tulou_only

answered()
{
	sed -n 's/^cpuid: \([0-9]*\) answered.*/\1/p' err
}

"$TULOU" run --stats -- cpuid often 6 "$GUESTS/cpuid-own" > out 2> err || fail "cpuid ends with $?: $(cat err)"
"$TULOU" run --stats -- map_threads > /dev/null 2> none
if grep -q 'no decoder' none; then
	[ -z "$(answered)" ] || fail "answers without a decoder: $(cat err)"
	exit 77
fi
few=$(answered)
# Hybrid processors answer each for itself; one without a hypervisor is fast enough.
edx=$("$GUESTS/cpuid" features | sed -n 's/^1: [0-9a-f]* [0-9a-f]* [0-9a-f]* \([0-9a-f]*\),.*/\1/p')
if [ $((0x$edx >> 15 & 1)) = 1 ] || ! grep -qw hypervisor /proc/cpuinfo; then
	[ -z "$few" ] || fail "answers on such processors: $(cat err)"
	exit 0
fi
# The third and all later ones: each leaf by three sites, twice, one of them in a loop of two.
[ "${few:-0}" -ge 200 ] || fail "few answers: $(cat err)"
"$TULOU" run --stats -- cpuid often 12 "$GUESTS/cpuid" features > out 2> err || fail "cpuid ends with $?: $(cat err)"
[ "$(answered)" -ge 100 ] || fail "few answers to glibc: $(cat err)"

for option in --no-patch --no-image-cache; do
	"$TULOU" run $option --stats -- cpuid often 6 "$GUESTS/cpuid-own" > out 2> err || fail "cpuid ends with $?: $(cat err)"
	[ -z "$(answered)" ] || fail "$option answers: $(cat err)"
done

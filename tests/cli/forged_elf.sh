# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Truncated and lying ELF files. What the kernel refuses, tulou refuses with the same status and one line; what the kernel starts and
# then kills, ends badly here too; what the kernel accepts works. Whatever a file says, a neighbour is unharmed.
tulou_only
. "$CLI/expect.sh"
need perl
cat > forge.pl <<'END'
use strict; use warnings; no warnings 'portable';
# forge.pl BASE NAME: NAME is what lies.
my ($base, $name, $out) = @ARGV;
open my $in, "<:raw", $base or die; local $/; my $elf = <$in>;
my $phoff = unpack "Q<", substr $elf, 32, 8; my $phnum = unpack "S<", substr $elf, 56, 2;
sub set { my ($at, $format, $value) = @_; my $bytes = pack $format, $value; substr($elf, $at, length $bytes) = $bytes }
# The file offset of the n-th program header of a type.
sub header { my ($type, $n) = @_; for my $i (0 .. $phnum - 1) { my $at = $phoff + 56 * $i;
	return $at if unpack("L<", substr $elf, $at, 4) == $type and $n-- == 0 } die "no header" }
my ($load, $interp) = (1, 3);
my %lie = (
	(map { my $size = $_; ("truncated-$size" => sub { $elf = substr $elf, 0, $size }) } 3, 5, 16, 52, 63, 64, 100, 200, 700, 4096, 9000),
	"machine-arm" => sub { set 18, "S<", 183 }, "machine-0" => sub { set 18, "S<", 0 }, "machine-i386" => sub { set 18, "S<", 3 },
	"class-32" => sub { set 4, "C", 1 }, "class-9" => sub { set 4, "C", 9 }, "big-endian" => sub { set 5, "C", 2 },
	"version-9" => sub { set 6, "C", 9 }, "type-none" => sub { set 16, "S<", 0 }, "type-rel" => sub { set 16, "S<", 1 },
	"type-core" => sub { set 16, "S<", 4 }, "phentsize-0" => sub { set 54, "S<", 0 }, "phentsize-57" => sub { set 54, "S<", 57 },
	"phnum-0" => sub { set 56, "S<", 0 }, "phnum-65535" => sub { set 56, "S<", 65535 }, "phnum-1000" => sub { set 56, "S<", 1000 },
	"phoff-0" => sub { set 32, "Q<", 0 }, "phoff-beyond" => sub { set 32, "Q<", length($elf) + 100 },
	"phoff-huge" => sub { set 32, "Q<", ~0 - 10 }, "phoff-negative" => sub { set 32, "Q<", 1 << 63 },
	"entry-0" => sub { set 24, "Q<", 0 }, "entry-wild" => sub { set 24, "Q<", 0x123456789000 }, "entry-kernel" => sub { set 24, "Q<", ~0 - 4095 },
	"filesz-above-memsz" => sub { my $h = header($load, 1); set $h + 32, "Q<", unpack("Q<", substr $elf, $h + 40, 8) + 50000 },
	"filesz-huge" => sub { set header($load, 0) + 32, "Q<", 1 << 62 }, "memsz-huge" => sub { set header($load, 1) + 40, "Q<", 1 << 46 },
	"memsz-wraps" => sub { set header($load, 1) + 40, "Q<", ~0 - 0x100 }, "vaddr-wraps" => sub { set header($load, 1) + 16, "Q<", ~0 - 0xfff },
	"vaddr-kernel" => sub { set header($load, 0) + 16, "Q<", 0xffff800000000000 }, "vaddr-unaligned" => sub { set header($load, 1) + 16, "Q<", 0x1234 },
	"offset-beyond" => sub { set header($load, 1) + 8, "Q<", 1 << 40 }, "offset-huge" => sub { set header($load, 1) + 8, "Q<", ~0 - 0xfff },
	"align-3" => sub { set header($load, 0) + 48, "Q<", 3 }, "align-huge" => sub { set header($load, 0) + 48, "Q<", 1 << 62 },
	"no-load" => sub { for (0 .. 9) { my $h = eval { header($load, 0) } or last; set $h, "L<", 4 } },
	"only-bss" => sub { set header($load, 0) + 32, "Q<", 0 },
	"loads-overlap" => sub { my $h = header($load, 1); set $h + 16, "Q<", unpack "Q<", substr $elf, header($load, 0) + 16, 8 },
	"loads-unsorted" => sub { my ($a, $b) = (header($load, 0), header($load, 1)); my $t = substr $elf, $a, 56;
		substr($elf, $a, 56) = substr $elf, $b, 56; substr($elf, $b, 56) = $t },
	"interp-empty" => sub { set header($interp, 0) + 32, "Q<", 0 }, "interp-1" => sub { set header($interp, 0) + 32, "Q<", 1 },
	"interp-unterminated" => sub { my $h = header($interp, 0); set $h + 32, "Q<", unpack("Q<", substr $elf, $h + 32, 8) - 1 },
	"interp-long" => sub { set header($interp, 0) + 32, "Q<", 5000 }, "interp-beyond" => sub { set header($interp, 0) + 8, "Q<", 1 << 40 },
	(map { my $path = $_; ("interp-is$_" => sub { $path =~ s{-}{/}g; my $at = unpack "Q<", substr $elf, header($interp, 0) + 8, 8;
		my $size = unpack "Q<", substr $elf, header($interp, 0) + 32, 8; substr($elf, $at, $size) = pack "a$size", $path }) }
		"-none", "-tmp", "-etc-passwd", "-dev-null"),
	"interp-twice" => sub { set header(4, 0), "L<", 3 }, "stack-executable" => sub { set header(0x6474e551, 0) + 4, "L<", 7 },
	"load-without-access" => sub { set header($load, 1) + 4, "L<", 0 }, "true" => sub { },
);
if ($name eq "list") { print "$_\n" for sort keys %lie; exit }
$lie{$name}->(); open my $to, ">:raw", $out or die; print $to $elf; close $to; chmod 0755, $out;
END
base=$(readlink -f "$(type -P true)")
for lie in $(perl forge.pl "$base" list); do
	perl forge.pl "$base" "$lie" "./$lie" 2> perl-says || fail "cannot forge $lie: $(cat perl-says)"
	native=0 status=0
	"$HELPERS/execve" "./$lie" > /dev/null 2> native || native=$?
	timeout 20 "$TULOU" run -- "./$lie" > out 2> err || status=$?
	if grep -q "^execve: " native; then
		judge $status $native "$lie" "$lie"
	elif [ $native -ge 128 ]; then
		# Killed at its start, or by what it ran into. A refusal with a message is as good.
		if [ $status = 126 ]; then
			judge $status 126 "$lie" "$lie"
		elif [ $status -lt 128 ]; then
			echo "$lie: natively $native, under tulou $status"
			failures=$((failures + 1))
		fi
	elif [ $status != $native ]; then
		echo "$lie: natively $native, under tulou $status: $(head -n 2 err)"
		failures=$((failures + 1))
	fi
	# What can be started has a neighbour; what cannot ends the whole run before any program starts.
	if ! grep -q '^tulou: ' err; then
		answer=$("$TULOU" run -- echo unharmed + "./$lie" 2> /dev/null)
		[ "$answer" = unharmed ] || { echo "$lie: its neighbour says '$answer'"; failures=$((failures + 1)); }
	fi
	rm -f "./$lie"
done
expect_done

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# perl: fork, pipes, system, regular expressions, large arrays and strings.
need perl
cat > work.pl <<'END'
use strict; use warnings; $| = 1;
my @numbers = map { $_ * 7919 % 1000003 } 1 .. 300000;
my @sorted = sort { $a <=> $b } @numbers;
print "$sorted[0] $sorted[150000] $sorted[-1]\n";
my %count; $count{$_ % 1013}++ for @numbers;
print join(",", map { "$_=$count{$_}" } (sort { $a <=> $b } keys %count)[0 .. 4]), "\n";
my $text = join " ", map { "word$_" } 1 .. 100000;
my $hits = () = $text =~ /\bword(\d*)7\1\b/g;
print length($text), " $hits\n";
$text =~ s/(\d+)/<$1>/g; print length($text), "\n";
for my $i (1 .. 5) {
	pipe(my $r, my $w) or die; my $pid = fork; die unless defined $pid;
	if ($pid == 0) { close $r; print $w "child $i\n" x 1000; close $w; exit $i }
	close $w; my @lines = <$r>; waitpid $pid, 0; print scalar(@lines), " ", $? >> 8, "\n";
}
print system("sh", "-c", "exit 6") >> 8, "\n";
print system("kill -9 \$\$") & 127, "\n";
print `echo from backticks | tr a-z A-Z`;
open my $out, "|-", "sort -r | head -n 2" or die; print $out "$_\n" for 1 .. 9; close $out;
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 60; }; print "got $@";
local $SIG{CHLD} = 'IGNORE'; fork or exit 0; print wait(), "\n";
my $big = "x" x 50_000_000; substr($big, 1000, 1) = "y"; print index($big, "y"), "\n";
exec "/bin/sh", "-c", "echo exec keeps \$0; exit 11", "the name";
END
status run perl work.pl
status run perl -e 'kill SEGV => $$'
status run perl -e 'die "message\n"'

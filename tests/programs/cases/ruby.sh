# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ruby: garbage, threads, fibers (a stack each), fork, pipes, signals.
need ruby
cat > work.rb <<'END'
words = (1..50_000).map { |i| "word #{i % 997}" }
p words.tally.size, words.uniq.sort.last
10.times { Array.new(20_000) { |i| "x" * (i % 100) } }
GC.start
p GC.count > 0
p (1..8).map { |n| Thread.new { (1..5_000).reduce(1) { |a, b| (a * b + n) % 1_000_003 } } }.map(&:value)
fibers = (1..500).map { |i| Fiber.new { Fiber.yield i; i * 2 } }
p fibers.sum(&:resume), fibers.sum(&:resume)
fiber = Fiber.new { def down(n) = n.zero? ? 0 : 1 + down(n - 1); down(2_000) }
p fiber.resume
begin
  def forever = forever
  forever
rescue SystemStackError => e
  p e.class
end
r, w = IO.pipe
pid = fork { r.close; w.puts "from the child"; exit! 7 }
w.close
p r.read, Process.wait2(pid)[1].exitstatus
p `echo through the shell`, $?.exitstatus
trap("USR1") { puts "signal" }
Process.kill("USR1", Process.pid)
sleep 0.1
END
status run ruby --disable-gems work.rb

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# java: a source file run by the JVM: large reservations, JIT code, safepoints by SIGSEGV, threads, a child.
need java
cat > Work.java <<'END'
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Work {
	static int deep(int n) { return n == 0 ? 0 : 1 + deep(n - 1); }
	static int forever(int n) { return forever(n + 1) + 1; }

	public static void main(String[] arguments) throws Exception {
		Map<Integer, String> map = new TreeMap<>();
		for (int i = 0; i < 100_000; i++)
			map.put(i % 5000, "value " + i);
		System.out.println(map.size() + " " + map.get(4999));
		long sum = 0;
		for (int round = 0; round < 100; round++)
			sum += new byte[1 << 20].length + round;
		System.out.println(sum + " " + deep(5000));
		ExecutorService pool = Executors.newFixedThreadPool(4);
		List<Future<Long>> results = new ArrayList<>();
		for (int n = 1; n <= 8; n++) {
			final long k = n;
			results.add(pool.submit(() -> LongStream.range(0, 200_000).map(x -> x * k % 97).sum()));
		}
		for (Future<Long> result : results)
			System.out.print(result.get() + " ");
		pool.shutdown();
		System.out.println();
		try { forever(0); } catch (StackOverflowError error) { System.out.println("stack overflow"); }
		try { Object none = null; none.hashCode(); } catch (NullPointerException error) { System.out.println("null"); }
		System.out.println(new String(new ProcessBuilder("echo", "child").start().getInputStream().readAllBytes()).trim());
	}
}
END
status run java -Xmx256m -XX:+UseG1GC Work.java

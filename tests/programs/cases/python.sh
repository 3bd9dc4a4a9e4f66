# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian's python3 (a program at a fixed address): threads, subprocess, mmap, multiprocessing, signals, large objects.
need /usr/bin/python3
cat > work.py <<'END'
import hashlib, mmap, multiprocessing, os, signal, subprocess, sys, threading

def threads():
    results = {}
    def work(n):
        data = [i * n for i in range(20000)]
        results[n] = hashlib.sha256(repr(sorted(data, key=lambda x: -x)).encode()).hexdigest()[:16]
    all_of_them = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in all_of_them: t.start()
    for t in all_of_them: t.join()
    print(sorted(results.items()))

def processes():
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
    print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv, sum(range(1000)))", "x"], capture_output=True).stdout)
    piped = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(piped.communicate(b"through a pipe" * 10000)[0][-14:])
    try:
        subprocess.run(["no-such-program"])
    except FileNotFoundError as error:
        print(error)
    child = os.fork()
    if child == 0:
        os._exit(5)
    print(os.waitpid(child, 0)[1] >> 8)

def memory():
    with open("mapped", "wb") as f:
        f.write(b"0" * 100000)
    with open("mapped", "r+b") as f:
        with mmap.mmap(f.fileno(), 0) as m:
            m[5000:5005] = b"hello"
            m.flush()
            m.resize(200000)
            m[199999] = 65
            print(m.find(b"hello"), len(m))
    print(os.stat("mapped").st_size, open("mapped", "rb").read().count(b"0"))
    anonymous = mmap.mmap(-1, 1 << 20)
    if os.fork() == 0:
        anonymous[0] = 7
        os._exit(0)
    os.wait()
    print(anonymous[0])
    big = bytearray(100 << 20)
    big[-1] = 1
    print(len(big), sum(big[-10:]))
    del big
    print(len([str(i) for i in range(500000)]))

def square(n):
    return n * n

def signals():
    seen = []
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while len(seen) < 50:
        sum(range(1000))
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("signals")

if __name__ == "__main__":
    threads()
    processes()
    memory()
    signals()
    with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
        print(pool.map(square, range(20)))
    print(os.path.realpath(sys.executable))
END
status run /usr/bin/python3 -B work.py fork
status run /usr/bin/python3 -B work.py spawn
status run /usr/bin/python3 -c 'import ctypes; ctypes.string_at(0)'
status run /usr/bin/python3 -c 'raise SystemExit(7)'

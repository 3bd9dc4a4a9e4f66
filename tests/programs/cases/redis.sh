# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# redis-server under redis-benchmark: threads, jemalloc, a BGSAVE by fork while clients write, and what is read back from the dump.
need redis-server redis-cli redis-benchmark
cli() { redis-cli -h 127.0.0.1 -p "$port" "$@"; }
server()
{
	local try
	for try in 1 2 3 4 5 6 7 8; do
		port=$((20000 + (RANDOM * 7 + $$ * 13 + try * 101) % 12000))
		run redis-server --port "$port" --bind 127.0.0.1 --save '' --dir . --logfile log --enable-debug-command yes \
			--io-threads 2 > /dev/null 2>&1 &
		server=$!
		while kill -0 "$server" 2> /dev/null; do
			[ "$(cli ping 2> /dev/null)" = PONG ] && [ "$(cli config get dir | tail -n 1)" = "$(pwd -P)" ] && return
			sleep 0.02
		done
	done
	echo 'the server does not start'
	cat log
	exit 1
}
server
run redis-benchmark -h 127.0.0.1 -p "$port" -q -n 20000 -c 20 -P 8 -t set,get,incr,lpush > /dev/null
echo "benchmark $?"
run redis-benchmark -h 127.0.0.1 -p "$port" -q -n 3000 -c 20 -t rpush,sadd,hset,mset,lrange_100 > /dev/null
echo "benchmark $?"
status cli eval 'for i = 1, 30000 do redis.call("set", "key:" .. i, string.rep("x", i % 300) .. i) end return 1' 0
cli bgsave
run redis-benchmark -h 127.0.0.1 -p "$port" -q -n 5000 -c 10 -t incr > /dev/null
echo "benchmark $?"
until cli info persistence | grep -q 'rdb_bgsave_in_progress:0'; do sleep 0.02; done
cli info persistence | grep -E 'rdb_last_bgsave_status'
cli dbsize
cli save
before=$(cli debug digest)
echo "$before"
cli config set maxmemory 64mb
cli shutdown nosave
wait "$server"
echo "server $?"
server
after=$(cli debug digest)
[ "$before" = "$after" ] && echo 'the reloaded data set is the same'
cli get key:299 | sha256sum
cli llen mylist
cli flushall
cli memory purge
cli shutdown nosave
wait "$server"
echo "server $?"
rm -f log dump.rdb

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# nginx with worker processes under load by wrk; memcached with threads. Each side has ports of its own.
need nginx wrk memcached perl
port=$((20000 + $$ % 20000))
mkdir -p logs root
seq 1 3000 > root/index.html
cat > nginx.conf <<END
worker_processes 2;
daemon off;
master_process on;
pid $PWD/nginx.pid;
error_log $PWD/logs/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3; uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
	server { listen 127.0.0.1:$port; root $PWD/root; }
}
END
[ "$(id -u)" = 0 ] && sed -i '1i user root;' nginx.conf
get()
{
	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit 1; print $s $ARGV[1]; $s->shutdown(1); print <$s>' "$@"
}
start nginx -p "$PWD" -c nginx.conf
nginx=$run
await get $port "" > answer
status run wrk -t 2 -c 20 -d 1 "http://127.0.0.1:$port/" > load
grep -E -o 'Socket errors|Non-2xx|status [0-9]+' load
awk '/requests in/ { print ($1 > 50 ? "served" : "slow") }' load
get $port "GET / HTTP/1.0

" | sed '1,/^\r$/d' | cmp - root/index.html && echo same page
kill -QUIT "$(cat nginx.pid)"
wait "$nginx"
echo "nginx: $?"
[ "$(id -u)" = 0 ] && user='-u root'
port=$((port + 1))
# shellcheck disable=SC2086 # two words
start memcached -l 127.0.0.1 -p $port -U 0 -m 64 -t 4 ${user:-}
memcached=$run
await get $port "version
quit
" > answer
perl -MIO::Socket::INET -e '
	my @s = map { IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die } 1 .. 4;
	for my $i (1 .. 2000) { my $s = $s[$i % 4]; my $v = "v" x ($i % 3000); printf $s "set k%d 0 0 %d\r\n%s\r\n", $i, length $v, $v; <$s> eq "STORED\r\n" or die }
	for my $i (1 .. 2000) { my $s = $s[($i + 1) % 4]; print $s "get k$i\r\n"; my $h = <$s>; my $v = <$s>; <$s>; length($v) == $i % 3000 + 2 or die "k$i" }
	print "2000 values\n"' $port
kill -TERM "$memcached"
wait "$memcached"
echo "memcached: $?"
rm -rf nginx.pid nginx.conf logs load answer

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# sqlite3: 200,000 rows inserted, indexed and queried, in a file and in memory.
need sqlite3
cat > script.sql <<'END'
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO t SELECT i, i * 7919 % 100003, 'name ' || (i * 31 % 9973) FROM n;
CREATE INDEX by_k ON t(k);
CREATE INDEX by_name ON t(name, k);
SELECT count(*), sum(k), min(name), max(name) FROM t;
SELECT name, count(*) c FROM t GROUP BY name ORDER BY c DESC, name LIMIT 5;
SELECT a.id, b.id FROM t a JOIN t b ON a.k = b.k AND a.id < b.id ORDER BY a.id LIMIT 5;
DELETE FROM t WHERE id % 3 = 0;
SELECT count(*), sum(k) FROM t;
PRAGMA integrity_check;
END
status run sqlite3 disk.db < script.sql
status run sqlite3 disk.db 'PRAGMA mmap_size=100000000; SELECT count(*), sum(length(name)) FROM t; VACUUM;'
status run sqlite3 :memory: < script.sql
status run sqlite3 disk.db 'SELECT * FROM no_such_table;'

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# openssl: digests, ciphers, keys, a certificate and its check. What it chooses at random is not printed.
need openssl
seq 1 20000 > text
for digest in md5 sha1 sha256 sha512 blake2b512 sha3-256; do
	status run openssl dgst "-$digest" text
done
for cipher in aes-128-cbc aes-256-ctr chacha20 camellia-256-cbc; do
	status run openssl enc "-$cipher" -K 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f -iv 0102030405060708090a0b0c0d0e0f10 \
		-in text -out "sealed.$cipher"
	status run openssl enc -d "-$cipher" -K 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
		-iv 0102030405060708090a0b0c0d0e0f10 -in "sealed.$cipher" -out opened
	cmp text opened
done
status run openssl genpkey -algorithm ed25519 -out key
status run openssl req -new -x509 -key key -days 3 -subj /CN=guest -out certificate
status run openssl verify -CAfile certificate certificate
status run openssl dgst -sign key -rawin -out signature text 2> /dev/null || true
run openssl pkeyutl -sign -inkey key -rawin -in text -out signature && status run openssl pkeyutl -verify -inkey key -rawin -in text -sigfile signature
rm -f key certificate signature

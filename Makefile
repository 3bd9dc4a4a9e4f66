# SPDX-License-Identifier: MIT
#
# The front door; the build itself is CMake's (CMakePresets.json). `make run` and `make check` need nothing done before them.

PREFIX ?= /usr/local
DESTDIR ?=
BENCH ?= AB

help:
	@echo 'make run       build, and show several programs in one address space'
	@echo 'make check     build, run every test and every gate'
	@echo 'make suites    what others test Linux with in their long form, natively and under tulou (tests/suites/README.md)'
	@echo 'make soak      random calls compared with the kernel, and kills of guests, for SECONDS (600), sequences of SEED (1000)'
	@echo 'make release   build/release/tulou and build/release/libtulou.a'
	@echo 'make dev       build/dev: hosted code under sanitizers, all checks on'
	@echo 'make bench     measure against the kernel (BENCH=A: the manager alone, B: programs); build/release/bench.json, bench.svg'
	@echo 'make install   into PREFIX ($(PREFIX)), under DESTDIR'
	@echo 'make format    clang-format over all sources'
	@echo 'make clean     remove build/'

run:
	@tools/install-deps build run
	@tools/build release tulou example_share_pointer
	@tools/demo build/release

check:
	@tools/install-deps build test
	@tools/check

suites:
	@tools/install-deps build test suites
	@tools/build release
	@tests/suites/all

soak:
	@tools/install-deps build test
	@tools/build release random_compare random_processes tulou tulou_guests
	@tools/soak '$(SECONDS)' '$(SEED)'

release:
	@tools/install-deps build
	@tools/build release tulou libtulou

dev:
	@tools/install-deps build test
	@tools/build dev

bench:
	@tools/install-deps build bench
	@tools/build release tulou tulou_bench bench_workload
	@bench/run '$(BENCH)' build/release

install: release
	@cmake --install build/release --prefix '$(PREFIX)'

format:
	@tools/check-format --fix

clean:
	rm -rf build

.PHONY: help run check suites soak release dev bench install format clean

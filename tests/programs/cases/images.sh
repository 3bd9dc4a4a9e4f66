# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Programs that are started again and again find their memory as the files have it, whatever those before did to theirs.
for program in images images-bind-now images-static images-static-pie images-fixed; do
	case $program in
	images-static*) status run "$program" threads ;;
	esac
	status run "$program" all
done
status run images threads
status run images files "$PWD"
status run images spliced
status run images killed 400
together images killed 200 + images killed 200 + images threads
status run images threads + images threads

#!/bin/sh
# SPDX-License-Identifier: ISC
# fuzz.sh BUILD SECONDS [TARGET...]: run libFuzzer on each target (all, where none is named).
# New inputs gather in BUILD/corpus/TARGET, a crash in BUILD/crash/. To keep an input for good,
# copy it into tests/fuzz/corpus/TARGET.
set -eu
build=$1 seconds=$2
shift 2
if [ $# -eq 0 ]; then
	for t in "$build"/fuzz/*; do
		[ ! -x "$t" ] || [ -d "$t" ] || set -- "$@" "${t##*/}"
	done
fi
[ $# -gt 0 ] || {
	echo "fuzz: no targets in $build/fuzz" >&2
	exit 1
}
for t in "$@"; do
	[ -x "$build/fuzz/$t" ] || {
		echo "fuzz: no target '$t' in $build/fuzz" >&2
		exit 1
	}
	mkdir -p "$build/corpus/$t" "$build/crash"
	seeds=tests/fuzz/corpus/$t
	echo "== $t, $seconds s"
	if [ -d "$seeds" ]; then
		set -- "$seeds"
	else
		set --
	fi
	"$build/fuzz/$t" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
	    -artifact_prefix="$build/crash/$t-" "$build/corpus/$t" "$@"
done

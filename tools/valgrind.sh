#!/bin/sh
# SPDX-License-Identifier: ISC
# valgrind.sh BUILD: the unit tests of a build folder under valgrind's memcheck.
set -u
build=${1:?usage: valgrind.sh BUILD}
failed=0 count=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for t in "$build"/tests/unit-*; do
	[ -x "$t" ] || continue
	count=$((count + 1))
	if valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	    "$t" >"$log" 2>&1; then
		echo "ok      ${t##*/}"
	else
		failed=$((failed + 1))
		echo "FAILED  ${t##*/}"
		cat "$log"
	fi
done
if [ "$count" -eq 0 ]; then
	echo "valgrind: no unit tests in $build/tests: build it first" >&2
	exit 1
fi
echo "valgrind: $count unit tests, $failed failed"
[ "$failed" -eq 0 ]

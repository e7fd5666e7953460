#!/bin/sh
# SPDX-License-Identifier: ISC
# run.sh PROGRAM: ct_secrets under valgrind, case by case. The control must be reported: were it
# not, the method would see nothing.
set -u
program=${1:?usage: run.sh PROGRAM}
here=$(dirname "$0")
failed=0

# exits with 99 where valgrind reports anything
run() {
	valgrind -q --error-exitcode=99 --suppressions="$here/libcrypto.supp" "$program" "$1"
}

run leak >/dev/null 2>&1
code=$?
if [ "$code" -ne 99 ]; then
	echo "FAILED  the control, an early exit on secrets, was not reported (exit $code)"
	failed=1
else
	echo "ok      the control is reported"
fi
for case in comparisons transcript schedule records private_keys; do
	if run "$case"; then
		echo "ok      $case"
	else
		echo "FAILED  $case"
		failed=1
	fi
done
exit "$failed"

#!/bin/sh
# SPDX-License-Identifier: ISC
# The same with 100,000 files.
QSP_E2E_FILES=100000 exec sh "${QSP_SRC:?}/tests/e2e/73-qscp-many.sh"

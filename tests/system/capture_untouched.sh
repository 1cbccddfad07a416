#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Pages of a stack that were never touched (a large buffer written at its ends) are no hole.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

record -- "$workloads/deep" hollow
check_complete "untouched pages" 500
check "stacks" "$(samples_of ';main;hollow;hollow;hollow;hollow;leaf ')" '>' 450
check "bytes a capture" "$(bytes_per_capture)" '>' 190000
check "pages brought in" "$(stat_of captures.pages-in)" '>' 30
finish

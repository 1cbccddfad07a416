#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Processes that live for a millisecond: their samples are there, their stacks are complete, and their
# functions are named, after fork, and after vfork and execve.
. "$(dirname "$0")/maps_lib.sh"
need_root

cover "fork storm" 200 3999 "$workloads/fork_storm" 500
check "complete stacks, fork storm ($(endings))" "$(complete_of)" '>' 9900
n=$(samples_of ';main;storm;child(;.*\[k\])? ')
check "of which in the children" "$n" '>' $(($(stat_of samples.written) * 80 / 100))
check_identity "fork storm"

cover "vfork and execve storm" 200 3999 "$workloads/vfork_storm" 500
check "complete stacks, vfork storm ($(endings))" "$(complete_of)" '>' 9900
n=$(samples_of ';main;child(;.*\[k\])? ')
check "of which in the children" "$n" '>' $(($(stat_of samples.written) * 50 / 100))
check "of which in vfork" "$(samples_of ';main;storm;.*fork')" '>' 1
check_identity "vfork storm"
finish

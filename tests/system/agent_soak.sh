#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The agent for a minute (`make soak`: half an hour) beside a fork storm, with backends that die and come back, killed at
# random moments: no window is lost or counted twice beyond the one in flight, backends have what the store has, nothing
# leaks, and it keeps to its budget. agent_soak.py has it; a plot is left in $build/soak.html.
# SOAK_SECONDS: how long (60). SOAK_SEED: of the moments. SOAK_BUDGET: per cent of the machine (the agent's default, 0.5; 1
# of less than ten minutes).
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/fork_storm"
python=$(PATH=/usr/bin:/bin command -v python3) || skip "no python3"
"$python" -c 'import google.protobuf' 2>/dev/null || skip "no protobuf for Python"
seconds=${SOAK_SECONDS:-60}
window=2 budget=1 # each life learns anew what runs, within seconds
[ "$seconds" -lt 600 ] || window=10 budget=0.5
"$python" tests/system/agent_soak.py "$egret" "$workloads/fork_storm" --seconds="$seconds" --window="$window" \
	--max-cpu="${SOAK_BUDGET:-$budget}" --seed="${SOAK_SEED:-1}" --directory="$tmp" --plot="$build/soak.html"

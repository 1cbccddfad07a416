#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What tests/system/symbolize_differential.sh does, with ten times as many addresses of each file.
ADDRESSES=${ADDRESSES:-10000} exec "$(dirname "$0")/../system/symbolize_differential.sh"

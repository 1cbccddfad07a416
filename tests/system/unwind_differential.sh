#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Over stacks of real programs: the table engine gives the frames that libdw gives wherever libdw
# reaches a root, all of them, and reaches one as often. There is no difference that would have to
# be explained; one that comes up is printed.
. "$(dirname "$0")/lib.sh"
need_root
compare=$tools/unwind_compare
total=0

differential() { # NAME MINIMUM_OF_STACKS COMMAND...
	local name=$1 minimum=$2 last
	shift 2
	command -v "$1" >/dev/null || return
	timeout 60 "$egret" record -q --raw -F 1999 -d 3 -o "$tmp/$name.raw" -- "$@" >/dev/null 2>&1
	"$compare" "$tmp/$name.raw" >"$tmp/$name.out" 2>&1 || fail "$name: $(tail -n 3 "$tmp/$name.out")"
	rm -f "$tmp/$name.raw"
	last=$(tail -n 1 "$tmp/$name.out")
	echo "$name: $last"
	value() { sed -nE "s/.*\b$1=([0-9]+).*/\1/p" <<<"$last"; }
	check "$name: stacks" "$(value stacks)" '>' "$minimum"
	check "$name: differ" "$(value differ)" '==' 0
	check "$name: rooted" "$(value rooted)" '>=' "$(value other_rooted)"
	grep -E '^[0-9]+ after ' "$tmp/$name.out" | head -n 5
	total=$((total + $(value stacks)))
}

cat >"$tmp/a.cpp" <<'CPP'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>
__attribute__((noinline)) int thrower(int n) { std::string s(n, 'x'); if (!n) throw std::runtime_error(s); return thrower(n - 1) + (int)s.size(); }
int main() { std::map<int, std::string> m; std::regex r("a+b*(c|d)"); int k = 0;
	for (int i = 0; i < 20000; i++) { try { thrower(i % 20); } catch (std::exception &e) { k++; } m[i % 97] += "abcd"; k += std::regex_search(m[i % 97].substr(0, 20), r); }
	std::cout << k; }
CPP
differential cc1plus 200 g++ -O2 "$tmp/a.cpp" -o "$tmp/a"
differential clang 100 clang++ -O2 -c "$tmp/a.cpp" -o "$tmp/a.o"
differential throwing 50 "$tmp/a"
differential python3 50 python3 -c 'import json
def f(n): return n if n < 2 else f(n-1)+f(n-2)
print(f(23), len(json.dumps([{"a": i, "b": str(i)} for i in range(200000)])))'
differential node 50 node -e 'let t=[];for(let i=0;i<4e5;i++)t.push("k"+i*7919%10007);t.sort();console.log(JSON.stringify(t).length)'
differential git 50 git --no-pager diff --no-index --stat /usr/include /usr/lib/gcc
differential sqlite3 50 sqlite3 :memory: "with recursive n(i) as (select 1 union all select i+1 from n where i<300000) select count(distinct hex(i)), max(hex(i*31)) from n where hex(i) like '%3%'"
# shellcheck disable=SC2016  # they are perl's
differential perl 50 perl -e 'my %h; for my $i (1..300000){ $h{$i*7919%10007} .= chr(65+$i%26); } print scalar(sort { $h{$a} cmp $h{$b} } keys %h)'
[ -f "$workloads/goroutine" ] && differential go 50 "$workloads/goroutine" 1000
cat >"$tmp/a.rs" <<'RS'
use std::collections::BTreeMap;
fn walk(n: u32, m: &mut BTreeMap<String, u32>) -> usize {
    if n == 0 { return m.len(); }
    *m.entry(format!("{:x}", n.wrapping_mul(2654435761) % 5003)).or_insert(0) += n;
    walk(n - 1, m)
}
fn main() {
    let mut m = BTreeMap::new();
    let total: usize = (0..3000).map(|i| walk(i % 64 + 40, &mut m)).sum();
    let mut v: Vec<_> = m.iter().collect();
    v.sort_by(|a, b| b.1.cmp(a.1));
    println!("{} {:?}", total, v[0]);
}
RS
# Not optimised: so that its calls of itself are calls.
if command -v rustc >/dev/null && rustc -o "$tmp/rust" "$tmp/a.rs" 2>/dev/null; then
	differential rust 50 "$tmp/rust"
fi
check "stacks of all" "$total" '>' 800
finish

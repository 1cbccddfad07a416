#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The layers of ARCHITECTURE.md, by what each module includes: a lower one never includes a higher.
set -u
cd "$(dirname "$0")/../.." || exit 1
failures=0

complain() {
	echo "$1"
	failures=$((failures + 1))
}

# module: the modules it may include beside itself. What is not named here is not a module.
declare -A may_include=(
	[base]=''
	[elf]='base'
	[cache]='base elf'
	[maps]='base elf'
	[capture]='base'
	[parser]='base'
	[unwind]='base elf'
	[profile]='base elf'
	[symbolize]='base elf cache'
	[recording]='base elf profile'
	[export]='base profile'
	[import]='base elf profile'
	[session]='base elf cache maps capture parser unwind profile symbolize recording import'
	[program]='parser session'
)

# includes FILE: lines of "LINE:HEADER", quoted headers plain and system headers with their <.
includes() {
	sed -nE '/^[[:space:]]*#[[:space:]]*include/{=;s/.*include[[:space:]]*("([^"]*)"|(<[^>]*)>).*/\2\3/p}' "$1" |
		paste -d: - -
}

# May a file of lib/MODULE include HEADER?
library_may() { # MODULE HEADER
	case $2 in
	'<egret/egret.h' | '<egret/grant.h' | bpf/abi.h | bpf/reasons.h) return 0 ;;
	bpf/* | cmd/* | '<egret/'*) return 1 ;;
	esac
	case $1:$2 in
	# capture knows nothing of ELF; only elf, unwind and symbolize read its formats
	elf:'<gelf.h' | elf:'<libelf.h' | elf:'<elf.h' | elf:'<elfutils/debuginfod.h') return 0 ;;
	symbolize:'<elf.h' | symbolize:'<dwarf.h') return 0 ;;
	unwind:'<dwarf.h' | unwind:'<elfutils/libdw.h' | unwind:'<libunwind'*) return 0 ;;
	*:'<elf.h' | *:'<gelf.h' | *:'<libelf.h' | *:'<elfutils/'* | *:'<dwarf.h' | *:'<libunwind'*) return 1 ;;
	# perf events and BPF are capture's, and the session's, which joins all; perf.data has records of perf
	import:'<linux/perf_event.h' | export:'<linux/perf_event.h' | import:export/pprof.pb-c.h) return 0 ;;
	capture:'<linux/'* | capture:'<bpf/'* | session:'<linux/'* | session:'<bpf/'*) return 0 ;;
	parser:'<linux/'*) return 0 ;; # of seccomp and capabilities
	*:'<linux/'* | *:'<bpf/'*) return 1 ;;
	# unwinding, profiles and exports are pure: no files, no processes
	unwind:'<fcntl.h' | unwind:'<sys/'* | unwind:'<unistd.h') return 1 ;;
	profile:'<fcntl.h' | profile:'<sys/'* | profile:'<unistd.h') return 1 ;;
	export:'<fcntl.h' | export:'<sys/'* | export:'<unistd.h') return 1 ;;
	import:'<fcntl.h' | import:'<sys/'* | import:'<unistd.h') return 1 ;;
	*:'<'*) return 0 ;;
	*:*/*)
		local target=${2%%/*}
		[ "$target" = "$1" ] && return 0
		[[ " ${may_include[$1]} " == *" $target "* ]]
		;;
	*) return 1 ;; # a header of ours is named with its module
	esac
}

for directory in lib/*/; do
	module=$(basename "$directory")
	[ "$module" = include ] && continue
	[ -n "${may_include[$module]+x}" ] || {
		complain "$directory: not a module that tests/lint/layers.sh knows"
		continue
	}
	for file in "$directory"*.[chS]; do
		while IFS=: read -r line header; do
			library_may "$module" "$header" ||
				complain "$file:$line: $module may not include ${header#<}"
		done < <(includes "$file")
	done
done

# The command line uses the library as anybody does: by its public header.
for file in cmd/*.[ch] cmd/*/*.[ch]; do
	while IFS=: read -r line header; do
		case $header in
		'<egret/egret.h' | '<json-c/json.h' | '<capstone/capstone.h' | '<curl/curl.h' | '<systemd/sd-daemon.h' | '<netinet/in.h') ;;
		agent/*.h | fleet/*.h) [ -f "cmd/$header" ] || complain "$file:$line: $header is not a header of cmd/" ;;
		'<egret/'* | '<bpf/'* | '<linux/'* | '<elf'* | '<gelf.h' | '<libelf.h' | '<dwarf.h' | */*)
			[[ $header == '<sys/'* ]] || complain "$file:$line: cmd may not include ${header#<}"
			;;
		'<'*) ;;
		*) [ -f "cmd/$header" ] || complain "$file:$line: $header is not a header of cmd/" ;;
		esac
	done < <(includes "$file")
done

# The programs in the kernel know nothing of what user space does with their records.
for file in bpf/*.[ch]; do
	while IFS=: read -r line header; do
		case $header in
		'<bpf/'* | '<stdint.h') ;;
		'<'* | */*) complain "$file:$line: bpf may not include ${header#<}" ;;
		*) [ -f "bpf/$header" ] || complain "$file:$line: $header is not a header of bpf/" ;;
		esac
	done < <(includes "$file")
done

# Pure modules have no business with the world: not by a declaration of their own either.
impure='\b(open|openat|fopen|popen|readlink|opendir|ptrace|process_vm_readv|fork|system)[[:space:]]*\('
while read -r finding; do
	complain "$finding: opens a file or a process"
done < <(grep -nE "$impure" lib/unwind/*.[ch] lib/profile/*.[ch] lib/export/*.[ch] lib/import/*.[ch] |
	grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/\*|\*|//)' | cut -c1-120)

[ "$failures" = 0 ]

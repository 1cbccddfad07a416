# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# symbolize_programs_lib.sh - the files that symbolize_differential.sh asks about: of several compilers
# and languages, with every way in which debug information is stored. Sourced.
#
# build_programs SOURCES TO: builds them below the directory TO; those whose compiler is missing are
# left out. Their names and paths are then in the array `programs`, as symbolize_compare.py wants
# them, and what was left out is in `missing`.

programs=() missing=()

# built NAME PATH [debug=FILE | oracle=FILE]: a program that is there is one to ask about. debug: its
# debug file. oracle: the same code with debug information that llvm-symbolizer and addr2line can read.
built() {
	if [ -s "$2" ]; then
		programs+=("$1=$2${3:+,$3}")
	else
		missing+=("$1")
	fi
}

# split COMPILER DIRECTORY FLAG FILES...: DIRECTORY/dwo, each unit's DWARF in a file beside it; and
# DIRECTORY/whole, the same code with its DWARF in one piece.
split() {
	local compiler=$1 directory=$2

	shift 2
	mkdir -p "$directory"
	(
		cd "$directory" || exit
		"$compiler" -O2 -g -c "$@" && "$compiler" -o whole ./*.o &&
			"$compiler" -O2 -g -gsplit-dwarf -c "$@" && "$compiler" -o dwo ./*.o
	)
}

build_c() { # SOURCES TO
	local s=$1 to=$2
	local files=("$s/program.c" "$s/queue.c" "$s/evaluate.c")

	gcc -O2 -g -gdwarf-5 -fPIE -pie -o "$to/c-dwarf5" "${files[@]}"
	gcc -O2 -g -gdwarf-4 -no-pie -fno-pie -o "$to/c-dwarf4" "${files[@]}"
	gcc -O1 -g -gdwarf-3 -gstrict-dwarf -o "$to/c-dwarf3" "${files[@]}"
	gcc -Os -g -gdwarf-2 -gstrict-dwarf -o "$to/c-dwarf2" "${files[@]}"
	gcc -O2 -g -gz=zlib -o "$to/c-zlib" "${files[@]}"
	objcopy --compress-debug-sections=zstd "$to/c-dwarf5" "$to/c-zstd" 2>/dev/null || rm -f "$to/c-zstd"
	# Stripped: found by its link, and by its build-id.
	objcopy --only-keep-debug "$to/c-dwarf5" "$to/c-stripped.debug"
	objcopy --strip-all --add-gnu-debuglink="$to/c-stripped.debug" "$to/c-dwarf5" "$to/c-stripped"
	split gcc "$to/split4" -gdwarf-4 "${files[@]}"
	split gcc "$to/split5" -gdwarf-5 "${files[@]}"
	split clang "$to/split-clang" -gdwarf-5 "${files[@]}"
	# Each packager knows one version of DWARF; on the other it fails, or does not end.
	(cd "$to/split4" && cp dwo dwp && timeout 10 dwp -e dwp -o dwp.dwp) || rm -f "$to/split4/dwp"
	(cd "$to/split-clang" && cp dwo dwp && timeout 10 llvm-dwp -e dwp -o dwp.dwp) ||
		rm -f "$to/split-clang/dwp"
}

build_cxx() { # SOURCES TO
	local files=("$1/words.cpp" "$1/longest.cpp") to=$2

	g++ -std=c++17 -O2 -g -flto -o "$to/cpp-lto" "${files[@]}"
	g++ -std=c++17 -O2 -g -static -o "$to/cpp-static" "${files[@]}"
	g++ -std=c++17 -O2 -g -o "$to/cpp-plain" "${files[@]}"
	clang++ -std=c++17 -O2 -g -o "$to/cpp-clang" "${files[@]}"
	# dwz: what units have in common in units of their own, and in another file.
	dwz -o "$to/cpp-dwz" "$to/cpp-plain"
	cp "$to/cpp-plain" "$to/cpp-alt"
	cp "$to/cpp-lto" "$to/cpp-alt-too"
	(cd "$to" && dwz -m cpp-common.debug cpp-alt cpp-alt-too) || rm -f "$to/cpp-alt"
}

build_others() { # SOURCES TO
	local s=$1 to=$2

	gfortran -O2 -g -J "$to" -o "$to/fortran" "$s/matrix.f90"
	gdc -O2 -g -o "$to/d" "$s/words.d"
	rustc -O -g -o "$to/rust" "$s/words.rs"
	GOCACHE=${GOCACHE:-$(realpath "$build")/go-cache} GO111MODULE=off go build -o "$to/go" "$s/words.go"
}

build_programs() { # SOURCES TO
	local name

	build_c "$@" 2>"$2/c.log" &
	build_others "$@" 2>"$2/others.log" &
	build_cxx "$@" 2>"$2/cxx.log"
	wait
	for name in c-dwarf5 c-dwarf4 c-dwarf3 c-dwarf2 c-zlib c-zstd cpp-lto cpp-static cpp-clang fortran d rust \
		go; do
		built $name "$2/$name"
	done
	built c-stripped "$2/c-stripped" "debug=$2/c-stripped.debug"
	built cpp-dwz "$2/cpp-dwz" "oracle=$2/cpp-plain"
	built cpp-alt "$2/cpp-alt" "oracle=$2/cpp-plain"
	built c-dwo4 "$2/split4/dwo" "oracle=$2/split4/whole"
	built c-dwp4 "$2/split4/dwp" "oracle=$2/split4/whole"
	built c-dwo5 "$2/split5/dwo" "oracle=$2/split5/whole"
	built c-dwo-clang "$2/split-clang/dwo" "oracle=$2/split-clang/whole"
	built c-dwp-clang "$2/split-clang/dwp" "oracle=$2/split-clang/whole"
}

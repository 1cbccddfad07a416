#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Hand-written assembly without CFI, or with CFI that leads nowhere: x264, OpenSSL, GMP.
. "$(dirname "$0")/recover_lib.sh"
need_root

if [ -x "$(command -v x264)" ]; then
	/usr/bin/python3 - "$tmp/video.yuv" <<-END
		import random, sys
		random.seed(1)
		w, h = 480, 270
		base = bytes((x * 7 + x // 97 * 13) & 255 for x in range(w * h + 2000))
		with open(sys.argv[1], "wb") as f:
		    for i in range(16):
		        y = bytearray(base[i * 17:i * 17 + w * h])
		        for row in range(60, 180):
		            at = row * w + i * 5 % 200
		            y[at:at + 160] = random.randbytes(160)
		        f.write(y)
		        f.write(base[:w * h // 2])
	END
	whole x264 9500 100 x264 --quiet --threads 1 --input-res 480x270 --preset slow -o /dev/null "$tmp/video.yuv"
	all_go_through "x264's assembly" ';x264_8_trellis_coefn' '^x264;_start;__libc_start_main;__libc_start_call_main;.*;x264_encoder_encode;'
	"$egret" report -i "$tmp/data" >"$tmp/report" || fail "no report"
	check "functions that are marked in the report" "$(grep -c '\[r\]$' "$tmp/report")" '>' 0
	check "marked though it has CFI" "$(grep -c 'main \[r\]$' "$tmp/report")" == 0
fi

if [ -x "$(command -v openssl)" ]; then
	for cipher in sha512 rsa2048 "-bytes 8192 -evp aes-128-gcm" ecdsap256 \
		"-bytes 8192 -evp chacha20-poly1305"; do
		# shellcheck disable=SC2086
		whole "openssl speed $cipher" 9500 40 openssl speed -seconds 1 $cipher
	done
fi

if ldd "$(command -v factor)" 2>/dev/null | grep -q libgmp; then
	whole "factor (GMP)" 9950 100 factor 93461639715357977769163558199606896584051237541638188580280321
	all_go_through "GMP's assembly" ';__gmpn_[a-z0-9_]*[^;]*$' '^factor;_start;__libc_start_main;__libc_start_call_main;'
fi
finish

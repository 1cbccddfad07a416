# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs that come and go, fifty a second, each another file: copies with a build-id of their own, so that to a
profiler they are other programs.

    program_storm.py PROGRAM DIRECTORY N [ARGUMENT...]: runs N copies of it, one after the other."""
import os, subprocess, sys, time
program, where, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
arguments = sys.argv[4:] or ['1', '5']
whole = open(program, 'rb').read()
at = whole.index(b'GNU\0', whole.index(b'\x04\0\0\0\x14\0\0\0\x03\0\0\0')) + 4
begun = time.monotonic()
for n in range(most):
	# As many a second wherever this runs: what it costs to know them is compared with the limit.
	time.sleep(max(0, begun + n * 0.02 - time.monotonic()))
	path = '%s/program%d' % (where, n)
	with open(path, 'wb') as out:
		out.write(whole[:at] + n.to_bytes(20, 'big') + whole[at + 20:])
	os.chmod(path, 0o755)
	subprocess.run([path] + arguments)
	if n >= 30: # others are looked at still
		os.unlink('%s/program%d' % (where, n - 30))

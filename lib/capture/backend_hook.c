/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>

#include "capture/backend.h"

extern const char egret_bpf_hook[], egret_bpf_hook_end[];

static int probe(const struct btf *vmlinux, struct egret_error *err)
{
	if (!egret_btf_has_func(vmlinux, "bpf_deferred_sample_request") ||
	    !egret_btf_has_func(vmlinux, "bpf_deferred_sample_fault_in") ||
	    !egret_btf_has_tracepoint(vmlinux, "deferred_sample"))
		return egret_fail(err, ENOTSUP,
				  "this kernel has no deferred samples (the patches of "
				  "kernel-patch/)");
	return 0;
}

const struct egret_backend egret_backend_hook = {
	.name = "hook",
	.text = "the kernel has the stack read on the way back to user mode (kernel-patch/)",
	.default_stack_limit = 256 << 10,
	.max_stack_limit = 8 << 20,
	.deferred = true,
	.object = egret_bpf_hook,
	.object_end = egret_bpf_hook_end,
	.probe = probe,
	.prepare = egret_prepare_sleepers,
};

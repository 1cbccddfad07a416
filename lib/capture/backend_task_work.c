/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>

#include "capture/backend.h"

extern const char egret_bpf_task_work[], egret_bpf_task_work_end[];

static int probe(const struct btf *vmlinux, struct egret_error *err)
{
	static const char *const needed[] = {
		"bpf_probe_read_user_dynptr",
		"bpf_preempt_disable",
		"bpf_iter_num_new",
		NULL,
	};

	if (!egret_btf_has_func(vmlinux, "bpf_task_work_schedule_resume_impl") &&
	    !egret_btf_has_func(vmlinux, "bpf_task_work_schedule_resume"))
		return egret_fail(err, ENOTSUP,
				  "this kernel has no BPF task work "
				  "(bpf_task_work_schedule_resume, Linux 6.18)");
	for (size_t i = 0; needed[i]; i++)
		if (!egret_btf_has_func(vmlinux, needed[i]))
			return egret_fail(err, ENOTSUP, "this kernel has no %s", needed[i]);
	return 0;
}

const struct egret_backend egret_backend_task_work = {
	.name = "task-work",
	.text = "BPF task work reads the stack on the way back to user mode",
	.default_stack_limit = 256 << 10,
	.max_stack_limit = 8 << 20,
	.deferred = true,
	.object = egret_bpf_task_work,
	.object_end = egret_bpf_task_work_end,
	.probe = probe,
	.prepare = egret_prepare_sleepers,
};

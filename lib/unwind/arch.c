/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/arch.h"

const struct egret_arch *egret_arch_of(const struct egret_elf *elf)
{
	static const struct egret_arch *const all[] = { &egret_arch_x86_64, &egret_arch_aarch64 };

	for (size_t i = 0; egret_elf_is_64(elf) && i < sizeof(all) / sizeof(all[0]); i++)
		if (egret_elf_machine(elf) == all[i]->machine)
			return all[i];
	return NULL;
}

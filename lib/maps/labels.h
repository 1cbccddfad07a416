/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * labels.h - what is known of a process beside its name: its container, its unit, its service.
 *
 * Keys are those of OpenTelemetry's semantic conventions. The parsers are pure: bytes in, labels
 * out. Of an environment only OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are ever looked at.
 */
#ifndef EGRET_MAPS_LABELS_H
#define EGRET_MAPS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define EGRET_LABEL_KEY_MAX 128	   /* bytes; longer ones are refused */
#define EGRET_LABEL_VALUE_MAX 1024 /* bytes; longer ones are refused */
#define EGRET_PROCESS_LABELS_MAX 64

struct egret_process_label {
	char *key, *value;
};

/* Zero-initialise; egret_labels_deinit gives the memory back. */
struct egret_process_labels {
	struct egret_process_label items[EGRET_PROCESS_LABELS_MAX];
	size_t n;
	unsigned int
		refused; /* too long, too many, no UTF-8, control characters, cannot be decoded */
	bool no_memory;
};

void egret_labels_deinit(struct egret_process_labels *labels);

/* Sets a label; one that is there is replaced. An empty value is none. */
void egret_labels_set(struct egret_process_labels *labels, const char *key, size_t key_len,
		      const char *value, size_t value_len);

/* Keys and values, each with a NUL behind; and back: 0 or -EBADMSG. */
void egret_labels_pack(const struct egret_process_labels *labels, struct egret_buffer *to);
int egret_labels_unpack(struct egret_process_labels *labels, const char *bytes, size_t len);

/*
 * Of a path in the hierarchy of cgroups: process.linux.cgroup, container.id (64 hexadecimal digits
 * as Docker, containerd, CRI-O and Podman have them; names of LXC and systemd-nspawn), k8s.pod.uid
 * (as kubelet's drivers cgroupfs and systemd spell it), systemd.unit (of the system, or of a user).
 */
void egret_labels_of_cgroup(struct egret_process_labels *labels, const char *path);

/*
 * Of an environment, as proc_pid_environ(5) has it: what OTEL_RESOURCE_ATTRIBUTES says, percent-
 * decoded, all of it or nothing; and service.name from OTEL_SERVICE_NAME, which wins. See
 * OpenTelemetry's specification, "Resource SDK".
 */
void egret_labels_of_environment(struct egret_process_labels *labels, const char *bytes,
				 size_t len);

#endif

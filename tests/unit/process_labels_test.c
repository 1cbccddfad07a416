/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What paths of cgroups and environments say of a process. The paths are those that the programs
 * named beside them make: runc and kubelet, lxc(7), podman, and systemd-escape(1).
 */
#include "maps/labels.h"
#include "test.h"

#define ID "8e31e8f5a1c5d2bb3f0c8b43a3b1a4d80ff5e9ab3c55a9d4e7f0d1c2b3a49586"
#define UID "2f9a54b1-9d7c-4c5e-8a41-0d3c7b6e5f12"
#define UID_ "2f9a54b1_9d7c_4c5e_8a41_0d3c7b6e5f12"

static const char *get(const struct egret_process_labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++)
		if (!strcmp(labels->items[i].key, key))
			return labels->items[i].value;
	return NULL;
}

static const struct {
	const char *path, *container, *pod, *unit, *name;
} paths[] = {
	/* Docker: drivers cgroupfs and systemd */
	{ "/docker/" ID, ID, NULL, NULL, NULL },
	{ "/system.slice/docker-" ID ".scope", ID, NULL, "docker-" ID ".scope", NULL },
	/* kubelet with Docker, containerd and CRI-O */
	{ "/kubepods/besteffort/pod" UID "/" ID, ID, UID, NULL, NULL },
	{ "/kubepods/pod" UID "/" ID, ID, UID, NULL, NULL },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, UID, "cri-containerd-" ID ".scope", NULL },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", ID, UID,
	  "crio-" ID ".scope", NULL },
	{ "/kubepods/burstable/pod" UID "/crio-" ID, ID, UID, NULL, NULL },
	/* CRI-O's monitor of the container is not in it */
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", NULL, UID,
	  "crio-conmon-" ID ".scope", NULL },
	/* containerd with the driver cgroupfs below one of systemd's services */
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_
	  ".slice:cri-containerd:" ID,
	  ID, UID, "containerd.service", NULL },
	/* a static pod: kubelet takes the hash of its manifest */
	{ "/kubepods/burstable/podb6e0b4f2a1d34c5e9f8a7b6c5d4e3f21/" ID, ID,
	  "b6e0b4f2a1d34c5e9f8a7b6c5d4e3f21", NULL, NULL },
	/* podman: of root, and of a user */
	{ "/machine.slice/libpod-" ID ".scope/container", ID, NULL, "libpod-" ID ".scope", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ID, NULL,
	  "libpod-" ID ".scope", NULL },
	{ "/libpod_parent/libpod-" ID, ID, NULL, NULL, NULL },
	/* kind: a node is a container, and its pods are in it: the innermost */
	{ "/docker/b" ID "/kubelet/kubepods/pod" UID "/" ID, ID, UID, NULL, NULL },
	/* Amazon ECS */
	{ "/ecs/0123456789abcdef0123456789abcdef/" ID, ID, NULL, NULL, NULL },
	/* LXC, old and new */
	{ "/lxc/web", NULL, NULL, NULL, "web" },
	{ "/lxc.payload.web1/system.slice/nginx.service", NULL, NULL, "nginx.service", "web1" },
	/* systemd-nspawn, libvirt */
	{ "/machine.slice/machine-my\\x2dbox.scope", NULL, NULL, "machine-my-box.scope", "my-box" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", NULL, NULL, "machine-qemu-1-vm.scope",
	  NULL },
	/* systemd: of the system, of a user, a template, without a unit */
	{ "/system.slice/nginx.service", NULL, NULL, "nginx.service", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome\\x2dterminal.scope",
	  NULL, NULL, "app-gnome-terminal.scope", NULL },
	{ "/user.slice/user-1000.slice/session-3.scope", NULL, NULL, "session-3.scope", NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", NULL, NULL, "getty@tty1.service",
	  NULL },
	{ "/init.scope", NULL, NULL, "init.scope", NULL },
	{ "/", NULL, NULL, NULL, NULL },
	{ "/user.slice", NULL, NULL, NULL, NULL },
	/* what only looks so */
	{ "/a/pod2f9a54b1-9d7c", NULL, NULL, NULL, NULL },
	{ "/build/" ID "0", NULL, NULL, NULL, NULL },
	{ "/x" ID, NULL, NULL, NULL, NULL },
	{ "/tripod" UID "/x", NULL, NULL, NULL, NULL },
	{ "/.service/.scope", NULL, NULL, NULL, NULL },
	{ "/a\\x2.service", NULL, NULL, "a\\x2.service", NULL },
};

static void cgroups(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct egret_process_labels labels = { 0 };
		int before = test_failures;

		egret_labels_of_cgroup(&labels, paths[i].path);
		CHECK_STR(get(&labels, "container.id"), paths[i].container);
		CHECK_STR(get(&labels, "k8s.pod.uid"), paths[i].pod);
		CHECK_STR(get(&labels, "systemd.unit"), paths[i].unit);
		CHECK_STR(get(&labels, "container.name"), paths[i].name);
		CHECK_STR(get(&labels, "process.linux.cgroup"), paths[i].path);
		CHECK_EQ(labels.refused, 0);
		if (test_failures != before)
			printf("  of %s\n", paths[i].path);
		egret_labels_deinit(&labels);
	}
}

/* The labels that an environment makes, "key=value" each, in their order; "!N": N were refused. */
static const char *of(const char *environment, size_t len)
{
	static char text[8192];
	struct egret_process_labels labels = { 0 };
	size_t n = 0;

	egret_labels_of_environment(&labels, environment, len);
	text[0] = 0;
	for (size_t i = 0; i < labels.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", i ? " " : "",
				      labels.items[i].key, labels.items[i].value);
	if (labels.refused)
		snprintf(text + n, sizeof(text) - n, "!%u", labels.refused);
	egret_labels_deinit(&labels);
	return text;
}

#define OF(environment) of(environment, sizeof(environment) - 1)
#define ATTRIBUTES "OTEL_RESOURCE_ATTRIBUTES="
#define NAME "OTEL_SERVICE_NAME="

static void environment(void)
{
	CHECK_STR(OF(""), "");
	CHECK_STR(OF("PATH=/bin\0SECRET=x\0"), "");
	CHECK_STR(OF("A=b\0" NAME "shop\0C=d\0"), "service.name=shop");
	CHECK_STR(OF(ATTRIBUTES "a=1,b.c=2"), "a=1 b.c=2");
	CHECK_STR(OF(ATTRIBUTES " a = 1 , b\t=\t2 ,"), "a=1 b=2");
	CHECK_STR(OF(ATTRIBUTES "k=a%2Cb%3dc%20d"), "k=a,b=c d");
	CHECK_STR(OF(ATTRIBUTES "k=%C3%A9"), "k=\xc3\xa9");
	CHECK_STR(OF(ATTRIBUTES "k=MTI=,l=2"), "k=MTI= l=2");
	CHECK_STR(OF(ATTRIBUTES "a=1,a=2"), "a=2");
	/* the name wins, wherever it stands; an empty one is none */
	CHECK_STR(OF(NAME "shop\0" ATTRIBUTES "service.name=x,a=1"), "service.name=shop a=1");
	CHECK_STR(OF(ATTRIBUTES "service.name=x\0" NAME "\0"), "service.name=x");
	CHECK_STR(OF("MY_" NAME "x\0OTEL_SERVICE_NAMES=y"), "");
}

static void refused(void)
{
	char large[EGRET_LABEL_VALUE_MAX + 64] = NAME;
	char many[8192] = ATTRIBUTES;
	size_t n = strlen(many);

	/* all of the list, or nothing of it */
	CHECK_STR(OF(ATTRIBUTES "a=1,b=%zz"), "!1");
	CHECK_STR(OF(ATTRIBUTES "a=1,b=%4"), "!1");
	CHECK_STR(OF(ATTRIBUTES "a=1,b"), "!1");
	CHECK_STR(OF(ATTRIBUTES "a=1,=2"), "!1");
	CHECK_STR(OF(ATTRIBUTES "a=%00"), "!1");
	/* not fit to be shown */
	CHECK_STR(OF(NAME "a\x1b[31m"), "!1");
	CHECK_STR(OF(NAME "a\nb"), "!1");
	CHECK_STR(OF(ATTRIBUTES "a=1,b=%0a"), "a=1!1");
	CHECK_STR(OF(NAME "\xff"), "!1");
	CHECK_STR(OF(NAME "\xc0\xaf"), "!1");
	CHECK_STR(OF(NAME "\xed\xa0\x80"), "!1");
	CHECK_STR(OF(NAME "\xc2\x85"), "!1"); /* of the C1 set */
	/* too long, too many */
	memset(large + strlen(large), 'x', EGRET_LABEL_VALUE_MAX + 1);
	CHECK_STR(of(large, strlen(NAME) + EGRET_LABEL_VALUE_MAX + 1), "!1");
	CHECK(strlen(of(large, strlen(NAME) + EGRET_LABEL_VALUE_MAX)) ==
	      strlen("service.name=") + EGRET_LABEL_VALUE_MAX);
	for (int i = 0; i < EGRET_PROCESS_LABELS_MAX + 2; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "k%d=v,", i);
	CHECK(strstr(of(many, n), " k63=v!2"));
}

static void packed(void)
{
	struct egret_process_labels labels = { 0 }, back = { 0 };
	struct egret_buffer bytes = { 0 };

	egret_labels_of_cgroup(&labels, "/system.slice/nginx.service");
	egret_labels_pack(&labels, &bytes);
	CHECK_EQ(egret_labels_unpack(&back, (const char *)bytes.data, bytes.len), 0);
	CHECK_EQ(back.n, 2);
	CHECK_STR(get(&back, "systemd.unit"), "nginx.service");
	CHECK(egret_labels_unpack(&back, (const char *)bytes.data, bytes.len - 1) < 0);
	CHECK(egret_labels_unpack(&back, "key", 4) < 0);
	egret_labels_deinit(&labels);
	egret_labels_deinit(&back);
	egret_buffer_deinit(&bytes);
}

int main(void)
{
	RUN(cgroups);
	RUN(environment);
	RUN(refused);
	RUN(packed);
	return DONE();
}

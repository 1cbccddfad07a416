/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* config_test.c - the agent's configuration: what is said is there, what is wrong has its line. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/configuration.h"

#include "test.h"

static char path[] = "/tmp/egret-config-test-XXXXXX";
static struct configuration c;
static struct egret_error err;

static int load(const char *text, int argc, char **argv)
{
	struct settings said = settings_defaults;
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
	said.config = path;
	said.words = (struct opt_words){ argc, argv };
	*err.text = 0;
	return configuration_load(&said, &c, &err);
}

static void what_is_said(void)
{
	CHECK_EQ(load("# a comment\n[sampling]\nfrequency = 49 ; inline\nwindow=30\n"
		      "event = cpu-clock\n\n[budget]\nmax-cpu = 0.25%\nmax-memory = 32M\n"
		      "[store]\nstore-size = 2G\nstate-dir = /x/y\n",
		      1, (char *[]){ "agent", NULL }),
		 0);
	CHECK_STR(err.text, "");
	CHECK_EQ(c.settings.frequency, 49);
	CHECK_EQ(c.settings.window_ms, 30000);
	CHECK(c.settings.max_cpu == 0.25);
	CHECK_EQ(c.settings.max_memory, 32u << 20);
	CHECK_EQ(c.settings.store_size, 2ull << 30);
	CHECK_STR(c.settings.state_dir, "/x/y");
	CHECK_EQ(c.settings.events.n, 1);
	CHECK_STR(c.settings.events.items[0], "cpu-clock");
	configuration_deinit(&c);
}

static void the_command_line_wins(void)
{
	char *argv[] = { "agent", "-F", "7", "-e", "cycles", NULL };

	CHECK_EQ(load("[sampling]\nfrequency=49\nevent=cpu-clock\nwindow=5\n", 5, argv), 0);
	CHECK_EQ(c.settings.frequency, 7);
	CHECK_EQ(c.settings.window_ms, 5000);
	CHECK_EQ(c.settings.events.n, 1);
	CHECK_STR(c.settings.events.items[0], "cycles");
	configuration_deinit(&c);
}

static void the_command_line_mends(void)
{
	char *argv[] = { "agent", "-F", "7", NULL }, *worse[] = { "agent", "-w", "0.5", NULL };

	CHECK_EQ(load("[sampling]\nfrequency=20000\n", 3, argv), 0);
	CHECK_EQ(c.settings.frequency, 7);
	configuration_deinit(&c);
	CHECK_EQ(load("[sampling]\nwindow=5\n", 3, worse), -EINVAL);
	CHECK_STR(err.text, "window wants to be from one second to one hour");
}

static void sections_are_kept(void)
{
	const struct config_section *s;

	CHECK_EQ(load("[push \"a\"]\ntype = otlp\nurl = http://x/\n[relabel \"r\"]\ntarget = a\n"
		      "[push \"b\"]\ntype = directory\npath = /tmp\n",
		      1, (char *[]){ "agent", NULL }),
		 0);
	s = c.file.sections;
	CHECK_STR(s->kind, "push");
	CHECK_STR(s->name, "a");
	CHECK_EQ(s->n, 2);
	CHECK_STR(s->pairs[1].key, "url");
	CHECK_STR(s->pairs[1].value, "http://x/");
	CHECK_EQ(s->pairs[1].line, 3);
	CHECK_STR(s->next->kind, "relabel");
	CHECK_STR(s->next->pairs[0].value, "a");
	CHECK_STR(s->next->next->name, "b");
	configuration_deinit(&c);
}

/* The message, without the name of the file. */
static const char *mistake(const char *text)
{
	if (!load(text, 1, (char *[]){ "agent", NULL })) {
		configuration_deinit(&c);
		return "none";
	}
	return strncmp(err.text, path, strlen(path)) ? err.text : err.text + strlen(path);
}

static void mistakes_have_their_line(void)
{
	char text[600] = "[sampling]\nfrequency = ";

	CHECK_STR(mistake("[sampling]\nfrequenzy = 19\n"),
		  ":2: [sampling] has no 'frequenzy'; is it 'frequency'?");
	CHECK_STR(mistake("[sampling]\n\nfrequency = fast\n"),
		  ":3: frequency wants a number above 0, not 'fast'");
	CHECK_STR(mistake("[sampling]\nfrequency = 19\nfrequency = 20\n"),
		  ":3: frequency is said for the second time");
	CHECK_STR(mistake("frequency = 19\n"),
		  ":1: frequency is in no section: [sampling], for example");
	CHECK_STR(mistake("[simpling]\nfrequency = 19\n"),
		  ":2: there is no section [simpling]; there are sampling, budget, http, store, "
		  "push \"NAME\" and relabel \"NAME\"");
	CHECK_STR(mistake("[push]\ntype = otlp\n"), ":2: [push] wants a name: [push \"NAME\"]");
	CHECK_STR(mistake("[sampling]\nnonsense\n"), ":2: this is no [section] and no key = value");
	CHECK_STR(mistake("[sampling]\nfrequency = 20000\n"),
		  ":2: frequency wants to be 1 to 10000 Hz");
	CHECK_STR(mistake("[sampling]\ncapture = magic\n"),
		  ":2: capture wants auto, hook, task-work or inline, not 'magic'");
	CHECK_STR(mistake("[http]\nlisten = 7373\n"),
		  ":2: listen wants HOST:PORT, [HOST]:PORT for IPv6, or unix:PATH, not '7373'");
	CHECK_STR(mistake("[http]\nlisten = localhost:70000\n"),
		  ":2: listen wants HOST:PORT, [HOST]:PORT for IPv6, or unix:PATH, not "
		  "'localhost:70000'");
	CHECK_STR(mistake("[http]\n\nlisten = [::]:7373\ntoken-file = t\n"),
		  ":3: listen is open to the network: this takes TLS and a token (tls-certificate, "
		  "tls-key and token-file)");
	CHECK_STR(mistake("[budget]\nmax-cpu = 200\n"),
		  ":2: max-cpu wants a number from 0 to 100, not '200'");
	CHECK_STR(mistake("[http]\ntls-key = x\n"),
		  ":2: tls-certificate and tls-key want to be said together");
	memset(text + strlen(text), '1', 300);
	CHECK_STR(mistake(text), ":2: a line of more than 199 bytes, or with a NUL byte");
}

static void no_file(void)
{
	struct settings said = { .config = "/nonexistent/agent.conf" };

	CHECK_EQ(configuration_load(&said, &c, &err), -ENOENT);
	CHECK_STR(err.text, "/nonexistent/agent.conf: No such file or directory");
}

int main(void)
{
	close(mkstemp(path));
	RUN(what_is_said);
	RUN(the_command_line_wins);
	RUN(the_command_line_mends);
	RUN(sections_are_kept);
	RUN(mistakes_have_their_line);
	RUN(no_file);
	unlink(path);
	return DONE();
}

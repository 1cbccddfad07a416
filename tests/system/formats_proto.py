# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Formats of protobuf, for formats.py: decoded by Google's implementation, with code that protoc makes of
the schemas (egret writes them with protobuf-c)."""
import collections
import importlib
import pathlib
import subprocess
import sys
import tempfile

schemas = pathlib.Path(__file__).resolve().parent.parent.parent / "lib/export"


def load(name):
    """The module of lib/export/NAME.proto."""
    with tempfile.TemporaryDirectory(prefix="egret-proto-") as out:
        subprocess.run(["protoc", f"-I{schemas}", f"--python_out={out}", f"{name}.proto"], check=True)
        sys.path.insert(0, out)
        try:
            return importlib.import_module(f"{name}_pb2")
        finally:
            sys.path.pop(0)


def unknown(message):
    """Fields that the schema does not have: none."""
    for field, value in message.ListFields():
        if field.message_type:
            for part in value if field.label == field.LABEL_REPEATED else [value]:
                unknown(part)
    again = type(message).FromString(message.SerializeToString())
    again.DiscardUnknownFields()
    assert again == message, "fields that are not in the schema"


def otlp(path, unit="nanoseconds"):
    """{(comm-pid/tid, root, ..., leaf): samples}; each table begins with an empty item."""
    with open(path, "rb") as file:
        data = load("otlp_profiles_1_11_0").ProfilesData.FromString(file.read())
    unknown(data)
    d = data.dictionary
    strings = d.string_table
    assert strings[0] == ""
    for table in (d.mapping_table, d.location_table, d.function_table, d.link_table, d.attribute_table, d.stack_table):
        assert table[0] == type(table[0])(), table[0]
    (resource,) = data.resource_profiles
    assert not unit or [a.key for a in resource.resource.attributes] == ["host.name"]
    (scope,) = resource.scope_profiles
    assert scope.scope.name == "egret"
    (profile,) = scope.profiles
    assert not unit or strings[profile.sample_type.type_strindex] == "cpu"
    assert strings[profile.sample_type.unit_strindex] == unit or not unit

    def attributes(indices):
        found = [d.attribute_table[i] for i in indices]
        return {strings[a.key_strindex]: getattr(a.value, a.value.WhichOneof("value")) for a in found}

    for mapping in d.mapping_table[1:]:
        for key, value in attributes(mapping.attribute_indices).items():
            assert key == "process.executable.build_id.gnu" and bytes.fromhex(value)
    stacks = collections.Counter()
    for sample in profile.samples:
        of = attributes(sample.attribute_indices)
        assert len(sample.values) == len(sample.timestamps_unix_nano) > 0 and min(sample.values) > 0
        for time in sample.timestamps_unix_nano:
            assert 0 <= time - profile.time_unix_nano < profile.duration_nano
        frames = []
        for index in d.stack_table[sample.stack_index].location_indices:
            location = d.location_table[index]
            mapping = d.mapping_table[location.mapping_index]
            assert not location.mapping_index or mapping.memory_start <= location.address < mapping.memory_limit
            assert location.lines
            kind = attributes(location.attribute_indices).get("profile.frame.type")
            assert (kind == "kernel") == (strings[mapping.filename_strindex] == "[kernel.kallsyms]")
            frames += [strings[d.function_table[line.function_index].name_strindex] for line in location.lines]
        key = (of["thread.name"], of["process.pid"], of["thread.id"])
        stacks[(*key, *reversed(frames))] += len(sample.values)
    return stacks


def perfetto(path):
    """The same, from PerfSample packets and what was interned before them."""
    with open(path, "rb") as file:
        trace = load("perfetto").Trace.FromString(file.read())
    unknown(trace)
    names, frames, callstacks, mappings, sources = {}, {}, {}, {}, {}
    threads, stacks = {}, collections.Counter()
    last = 0
    assert trace.packet[0].sequence_flags == 1 and trace.packet[0].clock_snapshot.primary_trace_clock == 3
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        interned = packet.interned_data
        for table, items in ((names, interned.function_names), (frames, interned.frames), (callstacks, interned.callstacks),
                             (mappings, interned.mappings), (sources, interned.source_paths)):
            for item in items:
                assert item.iid and item.iid not in table, item
                table[item.iid] = item
        for thread in packet.process_tree.threads:
            threads[thread.tid] = (thread.tgid, thread.name)
        if not packet.HasField("perf_sample"):
            continue
        sample = packet.perf_sample
        assert packet.timestamp >= last
        last = packet.timestamp
        assert threads[sample.tid][0] == sample.pid
        path_names = []
        for iid in callstacks[sample.callstack_iid].frame_ids:
            frame = frames[iid]
            assert not frame.mapping_id or frame.rel_pc < mappings[frame.mapping_id].end - mappings[frame.mapping_id].start
            assert not frame.source_path_iid or sources[frame.source_path_iid].str
            path_names.append(names[frame.function_name_id].str.decode())
        stacks[(threads[sample.tid][1], sample.pid, sample.tid, *(n for n in path_names if n != "[no stack]"))] += 1
    return stacks

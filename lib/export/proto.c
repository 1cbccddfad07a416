/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/proto.h"

#define LENGTH_DELIMITED 2 /* wire type */

void egret_proto_add(struct egret_buffer *to, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *at = egret_buffer_reserve(to, size);

	if (at)
		to->len += protobuf_c_message_pack(message, at);
}

void egret_proto_add_tag(struct egret_buffer *to, uint32_t field, size_t len)
{
	egret_buffer_add_uleb(to, (uint64_t)field << 3 | LENGTH_DELIMITED);
	egret_buffer_add_uleb(to, len);
}

void egret_proto_add_field(struct egret_buffer *to, uint32_t field, const ProtobufCMessage *message)
{
	egret_proto_add_tag(to, field, protobuf_c_message_get_packed_size(message));
	egret_proto_add(to, message);
}

void egret_proto_add_bytes(struct egret_buffer *to, uint32_t field, const void *bytes, size_t len)
{
	egret_proto_add_tag(to, field, len);
	egret_buffer_add(to, bytes, len);
}

/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * proto.h - messages of protobuf one by one: a message with a repeated field is the concatenation
 * of messages with one element each, so that a document need not be in memory as one.
 */
#ifndef EGRET_EXPORT_PROTO_H
#define EGRET_EXPORT_PROTO_H

#include <protobuf-c/protobuf-c.h>

#include "base/buffer.h"

/* Appends the message, without a frame. */
void egret_proto_add(struct egret_buffer *to, const ProtobufCMessage *message);

/* Appends it as the field of that number of another message. */
void egret_proto_add_field(struct egret_buffer *to, uint32_t field,
			   const ProtobufCMessage *message);

/* The same with bytes: of a text, or of a message that was packed. */
void egret_proto_add_bytes(struct egret_buffer *to, uint32_t field, const void *bytes, size_t len);

/* The frame of a field that has len bytes, which follow. */
void egret_proto_add_tag(struct egret_buffer *to, uint32_t field, size_t len);

#endif

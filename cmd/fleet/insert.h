/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* insert.h - the rows of a batch into their tables. */
#ifndef EGRET_CMD_FLEET_INSERT_H
#define EGRET_CMD_FLEET_INSERT_H

#include "fleet/batch.h"
#include "fleet/server.h"

/*
 * In the order of enum fleet_table; query_id: of the statement that inserts the samples, NULL: any.
 * Errors: those of server_request; then the batch is only good for batch_reset.
 */
int insert_batch(struct server *server, const char *database, const struct batch *batch,
		 const char *query_id, struct egret_error *err);

#endif

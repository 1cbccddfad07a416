/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/insert.h"

#include <stdio.h>

int insert_batch(struct server *server, const char *database, const struct batch *batch,
		 const char *query_id, struct egret_error *err)
{
	int ret = 0;

	for (size_t table = 0; table < N_FLEET_TABLES && !ret; table++) {
		const struct row_buffer *rows = &batch->rows[table];
		char query[512];
		const struct server_request request = {
			.query = query,
			.rows = rows,
			.query_id = table == FLEET_SAMPLES ? query_id : NULL,
		};

		if (!rows->rows)
			continue;
		snprintf(query, sizeof(query), "INSERT INTO %.200s.%s (%s) FORMAT RowBinary",
			 database, fleet_table_names[table], fleet_table_columns[table]);
		ret = server_request(server, &request, err);
	}
	return ret;
}

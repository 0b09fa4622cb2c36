/*-------------------------------------------------------------------------
 *
 * trust_view.c
 *	  What the view pindah.trust cannot read from tables.
 *
 * See sql/trust_view.sql.  Shows no key and no secret: there is no column for
 * one.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "trust.h"
#include "trust_file.h"
#include "trust_stats.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The columns of pindah.trust_file_keys(). */
enum
{
	FILE_ISSUER,
	FILE_AUDIENCE,
	FILE_ORGANISATIONS,
	FILE_KID,
	FILE_ALGORITHM,
	FILE_PATH,
	FILE_CHANGED_AT,
	FILE_LOADED_AT,
	FILE_LAST_ERROR,
	FILE_ERROR_AT,
	FILE_COLUMNS
};

typedef struct Row
{
	Datum		values[FILE_COLUMNS];
	bool		nulls[FILE_COLUMNS];
} Row;

/* Set a column to a string; NULL for none, or one that is no text here. */
static void
set_text(Row *row, int column, const char *text)
{
	row->nulls[column] = text == NULL ||
		!pg_verifymbstr(text, (int) strlen(text), true);
	if (!row->nulls[column])
		row->values[column] = CStringGetTextDatum(text);
}

static void
set_time(Row *row, int column, bool known, TimestampTz time)
{
	row->nulls[column] = !known;
	row->values[column] = TimestampTzGetDatum(time);
}

static void
set_list(Row *row, int column, bool known, const ClaimList *list)
{
	Datum	   *items;

	row->nulls[column] = !known;
	if (!known)
		return;
	items = palloc((list->count + 1) * sizeof(Datum));
	for (int i = 0; i < list->count; i++)
		items[i] = CStringGetTextDatum(list->items[i]);
	row->values[column] = PointerGetDatum(construct_array(items, list->count,
														  TEXTOID, -1, false,
														  TYPALIGN_INT));
}

/* What is the same in every row. */
static void
set_status(Row *row, const TrustFileStatus *status)
{
	memset(row->nulls, true, sizeof(row->nulls));
	set_text(row, FILE_PATH, status->path);
	set_time(row, FILE_LOADED_AT, status->ring != NULL, status->loaded_at);
	set_text(row, FILE_LAST_ERROR, status->error);
	set_time(row, FILE_ERROR_AT, status->error != NULL, status->error_at);
}

static void
set_issuer(Row *row, const TrustedIssuer *issuer)
{
	set_text(row, FILE_ISSUER, issuer->issuer);
	set_list(row, FILE_AUDIENCE, issuer->has_audience, &issuer->audience);
	set_list(row, FILE_ORGANISATIONS, issuer->has_organisations, &issuer->organisations);
}

static void
set_key(Row *row, const TrustedKey *key)
{
	set_text(row, FILE_KID, key->key_id);
	set_text(row, FILE_ALGORITHM, crypto_algorithm_name(crypto_key_algorithm(key->key)));
	set_text(row, FILE_PATH, key->path);
	set_time(row, FILE_CHANGED_AT, true, time_t_to_timestamptz((pg_time_t) key->changed_at));
}

/*
 * What the trust file says in this session: a row for each key, and one for
 * an issuer without keys, and for a file that names nobody or is not usable.
 */
PG_FUNCTION_INFO_V1(pindah_trust_file_keys);
Datum
pindah_trust_file_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	TrustFileStatus status;
	Row			row;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	trust_catch_up();
	status = trust_file_status();
	if (status.path == NULL)
		return (Datum) 0;

	set_status(&row, &status);
	if (status.ring == NULL || status.ring->nissuers == 0)
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
	for (int i = 0; status.ring != NULL && i < status.ring->nissuers; i++)
	{
		const TrustedIssuer *issuer = &status.ring->issuers[i];

		set_status(&row, &status);
		set_issuer(&row, issuer);
		for (int j = 0; j < issuer->nkeys; j++)
		{
			set_key(&row, &issuer->keys[j]);
			tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
		}
		if (issuer->nkeys == 0)
			tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
	}
	return (Datum) 0;
}

/* How often and when was a key used?  (uses, last_used), NULL when never. */
PG_FUNCTION_INFO_V1(pindah_key_use);
Datum
pindah_key_use(PG_FUNCTION_ARGS)
{
	KeySource	source = PG_GETARG_BOOL(0) ? KEY_OF_FILE : KEY_OF_TABLES;
	uint64		key = trust_stats_key(source, text_to_cstring(PG_GETARG_TEXT_PP(1)),
									  text_to_cstring(PG_GETARG_TEXT_PP(2)));
	uint64		uses = 0;
	TimestampTz last_used = 0;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pindah_key_use must return a row");
	desc = BlessTupleDesc(desc);
	nulls[1] = !trust_stats_find(key, &uses, &last_used);
	values[0] = Int64GetDatum((int64) uses);
	values[1] = TimestampTzGetDatum(last_used);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

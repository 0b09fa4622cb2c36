/*-------------------------------------------------------------------------
 *
 * encoding.c
 *	  Text and the encoding of the database.  Without state.
 *
 *-------------------------------------------------------------------------
 */
#include "encoding.h"

#include "mb/pg_wchar.h"

/*
 * Put text that is valid UTF-8 into the server's encoding; false when it
 * cannot be said there.  Must run inside a transaction.
 */
bool
encoding_to_server(char **text, size_t *len)
{
	int			encoding = GetDatabaseEncoding();
	MemoryContext caller = CurrentMemoryContext;
	int			size;
	char	   *volatile converted;

	if (encoding == PG_UTF8)
		return true;
	for (size = 0; size < (int) *len && !IS_HIGHBIT_SET((*text)[size]); size++)
		 /* look for the first character that is not ASCII */ ;
	if (size == (int) *len)
		return true;
	if (encoding == PG_SQL_ASCII)
		return false;

	PG_TRY();
	{
		converted = pg_any_to_server(*text, (int) *len, PG_UTF8);
	}
	PG_CATCH();
	{
		/* A conversion holds nothing that would have to be released. */
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		converted = NULL;
	}
	PG_END_TRY();
	if (converted == NULL)
		return false;
	*text = converted;
	*len = strlen(converted);
	return true;
}

/*
 * Read JSON that is in the server's encoding, whatever is in it.  Where that is
 * not UTF-8, PostgreSQL's parser raises an error for an escape that the encoding
 * lacks.
 */
JsonStatus
encoding_read_json(const char *json, JsonObject *object)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile JsonStatus status = JSON_READ_SYNTAX;

	PG_TRY();
	{
		status = json_read_object(json, strlen(json), GetDatabaseEncoding(), object);
	}
	PG_CATCH();
	{
		/* Parsing holds nothing that would have to be released. */
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		status = JSON_READ_SYNTAX;
	}
	PG_END_TRY();
	return status;
}

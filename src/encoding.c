/*-------------------------------------------------------------------------
 *
 * encoding.c
 *	  Text, and JSON, in the encoding of the database.  Without state.
 *
 *-------------------------------------------------------------------------
 */
#include "encoding.h"

#include "caught_error.h"
#include "mb/pg_wchar.h"

/*
 * Convert from UTF-8 to the server's encoding, or back; NULL when the other
 * one lacks a character, or cannot be converted to.
 */
static char *
convert(char *text, size_t len, bool to_server)
{
	CaughtError before = before_error();
	char	   *volatile converted = NULL;

	PG_TRY();
	{
		converted = to_server ? pg_any_to_server(text, (int) len, PG_UTF8) :
			pg_server_to_any(text, (int) len, PG_UTF8);
	}
	PG_CATCH();
	{
		/* These leave nothing that would have to be released. */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION &&
			geterrcode() != ERRCODE_UNDEFINED_FUNCTION)
			PG_RE_THROW();
		forget_error(&before);
	}
	PG_END_TRY();
	return converted;
}

/* Convert where that changes anything; false when it cannot be done. */
static bool
convert_in_place(char **text, size_t *len, bool to_server)
{
	int			encoding = GetDatabaseEncoding();
	char	   *converted;
	size_t		size = 0;

	if (encoding == PG_UTF8)
		return true;
	while (size < *len && !IS_HIGHBIT_SET((*text)[size]))
		size++;
	if (size == *len)
		return true;
	if (encoding == PG_SQL_ASCII)
		return false;

	converted = convert(*text, *len, to_server);
	if (converted == NULL)
		return false;
	*text = converted;
	*len = strlen(converted);
	return true;
}

/*
 * Put text that is valid UTF-8 into the server's encoding; false when it
 * cannot be said there.  Must run inside a transaction.
 */
bool
encoding_to_server(char **text, size_t *len)
{
	return convert_in_place(text, len, true);
}

/*
 * Read a JSON object in the server's encoding.
 *
 * Where that is not UTF-8, PostgreSQL's parser raises an error for an escape of
 * a character that the encoding lacks, and for any while a session is being set
 * up.  So escapes are resolved in UTF-8.  Must run inside a transaction then.
 */
JsonStatus
encoding_read_json(const char *json, JsonObject *object)
{
	char	   *text = (char *) json;
	size_t		len = strlen(json);

	if (GetDatabaseEncoding() != PG_UTF8 && strstr(json, "\\u") != NULL)
	{
		if (!convert_in_place(&text, &len, false))
			return JSON_READ_BAD_UTF8;
		text = json_expand_escapes(text, len, &len);
		if (!convert_in_place(&text, &len, true))
			return JSON_READ_BAD_UTF8;
	}
	return json_read_object(text, len, GetDatabaseEncoding(), object);
}

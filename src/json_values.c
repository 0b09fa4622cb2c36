/*-------------------------------------------------------------------------
 *
 * json_values.c
 *	  Checked JSON as jsonb and text.
 *
 * For JSON that json_reader has accepted before.  What jsonb can refuse then
 * is beyond a user's control; its own messages quote the document, so they
 * are replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "json_values.h"

#include "caught_error.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Turn JSON text into jsonb; false when that cannot be. */
bool
json_try_as_jsonb(const char *json, Datum *result)
{
	CaughtError before = before_error();
	volatile bool good = false;

	PG_TRY();
	{
		*result = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
		good = true;
	}
	PG_CATCH();
	{
		/* Of a document: a number that has too many digits, for instance. */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		forget_error(&before);
	}
	PG_END_TRY();
	return good;
}

/* Turn JSON text into jsonb. */
Datum
json_text_as_jsonb(const char *json)
{
	Datum		result;

	if (!json_try_as_jsonb(json, &result))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the claims cannot be represented as jsonb"),
				 errhint("Write numbers of thousands of digits as strings.")));
	return result;
}

/* Turn the claims of an identity into jsonb. */
Datum
claims_as_jsonb(const text *claims)
{
	return json_text_as_jsonb(text_to_cstring(claims));
}

/*
 * A value as the operator ->> gives it: strings unescaped, objects and arrays
 * as JSON.  False for NULL: no value, or JSON null.
 */
bool
jsonb_value_as_text(const JsonbValue *value, Datum *result)
{
	Jsonb	   *container;

	if (value == NULL || value->type == jbvNull)
		return false;
	switch (value->type)
	{
		case jbvString:
			*result = PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
															   value->val.string.len));
			break;
		case jbvNumeric:
			*result = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(numeric_out,
																			  NumericGetDatum(value->val.numeric))));
			break;
		case jbvBool:
			*result = CStringGetTextDatum(value->val.boolean ? "true" : "false");
			break;
		default:
			container = JsonbValueToJsonb((JsonbValue *) value);
			*result = CStringGetTextDatum(JsonbToCString(NULL, &container->root,
														 VARSIZE(container)));
			break;
	}
	return true;
}

/*-------------------------------------------------------------------------
 *
 * token_functions.c
 *	  The SQL functions that take a token or a key: verify, inspect, whoami.
 *
 * See sql/identity.sql and sql/trust.sql for their meaning.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "identity.h"
#include "json_values.h"
#include "jwk.h"
#include "jws.h"
#include "keyring.h"
#include "mb/pg_wchar.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "verify.h"

/* Longer ones are not shown; those that are made by others have up to 44. */
#define MAX_SHOWN_KEY_ID	64

/* Say which key of a set is meant, where its kid can be shown. */
static int
errdetail_key_id(const char *key_id)
{
	size_t		len = key_id == NULL ? 0 : strlen(key_id);

	if (len == 0 || len > MAX_SHOWN_KEY_ID)
		return 0;
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) key_id[i] < ' ' || key_id[i] == 0x7f)
			return 0;
	}
	return errdetail("Its kid is \"%s\".", key_id);
}

/* Raise the error of an unusable key; "place" in its set, or 0. */
static void
raise_key_verdict(KeyVerdict verdict, int place, const char *key_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 place == 0 ?
			 errmsg("key refused: %s", key_verdict_sentence(verdict)) :
			 errmsg("key %d of the set refused: %s", place, key_verdict_sentence(verdict)),
			 place == 0 ? 0 : errdetail_key_id(key_id),
			 errhint("%s", key_verdict_hint(verdict))));
}

/* How a JWK is read: jwk_read() or jwk_read_trusted(). */
typedef KeyVerdict (*KeyReader) (const char *json, size_t len, int encoding,
								 CryptoKey *key, Jwk *jwk);

/* Read a jsonb JWK; the key lives as long as the current memory context. */
static KeyVerdict
read_jsonb_key(Jsonb *jsonb, KeyReader reader, CryptoKey **key, Jwk *jwk)
{
	char	   *json = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));

	*key = keyring_alloc_key(CurrentMemoryContext);
	return reader(json, strlen(json), GetDatabaseEncoding(), *key, jwk);
}

/*
 * Is a compact JWS, with any payload, signed by a key?  RFC 7515 section 5.2.
 */
PG_FUNCTION_INFO_V1(pindah_verify_jws);
Datum
pindah_verify_jws(PG_FUNCTION_ARGS)
{
	text	   *jws = PG_GETARG_TEXT_PP(0);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "pindah_verify_jws",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CryptoKey  *key;
	Jwk			jwk;
	KeyVerdict	usable = read_jsonb_key(PG_GETARG_JSONB_P(1), jwk_read, &key, &jwk);
	JwsParts	parts;
	JwsHeader	header;
	JsonObject	object;
	const char *json;
	char	   *bytes;
	size_t		len;
	bool		good;

	if (usable != KEY_OK)
		raise_key_verdict(usable, 0, NULL);
	good = jws_split(VARDATA_ANY(jws), VARSIZE_ANY_EXHDR(jws), &parts) == TOKEN_OK &&
		verify_read_segment(parts.header, &json, &object) == TOKEN_OK &&
		jws_check_header(&object, JWS_ANY_PAYLOAD, &header) == TOKEN_OK &&
		jws_decode_segment(parts.payload, &bytes, &len) == TOKEN_OK &&
		jws_decode_segment(parts.signature, &bytes, &len) == TOKEN_OK &&
		jws_verify(&parts, header.algorithm, key, bytes, len);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PG_RETURN_BOOL(good);
}

/*
 * Read a JWK: (kid, algorithm, symmetric, jwk), jwk being what may be stored.
 *
 * "place" is that of the key in its set, or 0 when it stands alone.  A key of
 * a set that is not for us (another kty, alg or use) gives nulls, and a NOTICE;
 * one that stands alone is refused like all others.
 */
PG_FUNCTION_INFO_V1(pindah_read_jwk);
Datum
pindah_read_jwk(PG_FUNCTION_ARGS)
{
	int			place = PG_GETARG_INT32(1);
	CryptoKey  *key;
	Jwk			jwk;
	KeyVerdict	verdict = read_jsonb_key(PG_GETARG_JSONB_P(0), jwk_read_trusted,
										 &key, &jwk);
	TupleDesc	desc;
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pindah_read_jwk must return a row");
	desc = BlessTupleDesc(desc);
	if (place > 0 && jwk_is_skipped(verdict))
	{
		ereport(NOTICE,
				(errmsg("key %d of the set is skipped: %s", place,
						key_verdict_sentence(verdict)),
				 errdetail_key_id(jwk.key_id),
				 verdict == KEY_NOT_FOR_SIGNATURES ? 0 :
				 errhint("%s", key_verdict_hint(verdict))));
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
	}
	if (verdict != KEY_OK)
		raise_key_verdict(verdict, place, jwk.key_id);
	if (jwk.strength == SECRET_LOOKS_WEAK)
		ereport(WARNING,
				(errmsg("the secret looks as if somebody had typed it"),
				 errhint("Whoever has a token can try to guess it: make a random one with \"openssl rand -base64 48\".")));

	memset(nulls, false, sizeof(nulls));
	values[0] = CStringGetTextDatum(jwk.key_id == NULL ? jwk.thumbprint : jwk.key_id);
	values[1] = CStringGetTextDatum(crypto_algorithm_name(jwk.algorithm));
	values[2] = BoolGetDatum(crypto_family(jwk.algorithm) == FAMILY_HMAC);
	values[3] = json_text_as_jsonb(jwk.public_json);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* Write the public key of a PEM as a JWK, with an alg and a kid, if not NULL. */
static KeyVerdict
write_pem_as_jwk(const char *pem, const char *alg, const char *kid, StringInfo json)
{
	CryptoKey  *key = keyring_alloc_key(CurrentMemoryContext);
	CryptoKey  *checked = keyring_alloc_key(CurrentMemoryContext);
	KeyVerdict	verdict = crypto_key_read_pem(key, pem);
	Jwk			jwk;

	if (verdict != KEY_OK)
		return verdict;
	if (alg == NULL)
		alg = crypto_algorithm_name(crypto_key_algorithm(key));
	else if (crypto_algorithm_by_name(alg) == ALGORITHM_NONE)
		return KEY_UNKNOWN_ALGORITHM;
	if (!jwk_write_public(json, key, alg))
		return KEY_UNUSABLE;
	if (kid != NULL)
	{
		json->data[--json->len] = '\0';
		appendStringInfoString(json, ",\"kid\":");
		escape_json(json, kid);
		appendStringInfoChar(json, '}');
	}
	return jwk_read(json->data, (size_t) json->len, GetDatabaseEncoding(), checked, &jwk);
}

/* An argument as a C string, NULL for null. */
static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* The JWK of a public key, or a certificate, in PEM (RFC 7468). */
PG_FUNCTION_INFO_V1(pindah_jwk_from_pem);
Datum
pindah_jwk_from_pem(PG_FUNCTION_ARGS)
{
	StringInfoData json;
	KeyVerdict	verdict;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	initStringInfo(&json);
	verdict = write_pem_as_jwk(text_argument(fcinfo, 0), text_argument(fcinfo, 2),
							   text_argument(fcinfo, 1), &json);
	if (verdict != KEY_OK)
		raise_key_verdict(verdict, 0, NULL);
	PG_RETURN_DATUM(json_text_as_jsonb(json.data));
}

/* Is a jsonb a claim map that an issuer may have? */
PG_FUNCTION_INFO_V1(pindah_check_claim_map);
Datum
pindah_check_claim_map(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	char	   *json = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	ClaimNames	names;

	PG_RETURN_BOOL(claims_read_map(json, strlen(json), GetDatabaseEncoding(), &names));
}

/* Verify a token, take its identity on, return its claims. */
PG_FUNCTION_INFO_V1(pindah_verify_jwt);
Datum
pindah_verify_jwt(PG_FUNCTION_ARGS)
{
	bool		is_local = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
	const Identity *identity;

	/* An empty setting would mean nobody; an empty token is a bad one. */
	if (PG_ARGISNULL(0) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) == 0)
		raise_token_verdict(TOKEN_NOT_COMPACT, TOKEN_REFUSED);

	identity_set_token(text_to_cstring(PG_GETARG_TEXT_PP(0)), is_local);
	identity = identity_current();
	if (identity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the token is valid but its identity did not come into force")));
	if (is_local && settings_session_identity())
		identity_warn_of_early_end();
	PG_RETURN_DATUM(claims_as_jsonb(IDENTITY_TEXT(identity, claims)));
}

/* JSON of a token that may be bad, as jsonb; NULL where that cannot be. */
static void
set_json(Datum *value, bool *isnull, const char *json)
{
	*isnull = json == NULL || !json_try_as_jsonb(json, value);
}

/* Judge a token and tell everything; never raises for a bad one. */
PG_FUNCTION_INFO_V1(pindah_inspect_jwt);
Datum
pindah_inspect_jwt(PG_FUNCTION_ARGS)
{
	text	   *token;
	TokenReading reading;
	TupleDesc	desc;
	Datum		values[6] = {0};
	bool		nulls[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pindah_inspect_jwt must return a row");
	desc = BlessTupleDesc(desc);

	memset(&reading, 0, sizeof(reading));
	reading.verdict = TOKEN_NOT_COMPACT;
	if (!PG_ARGISNULL(0))
	{
		token = PG_GETARG_TEXT_PP(0);
		verify_catch_up();
		verify_presented_token(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), verify_now(),
					 &reading);
	}

	values[0] = BoolGetDatum(reading.verdict == TOKEN_OK);
	nulls[1] = nulls[2] = reading.verdict == TOKEN_OK;
	values[1] = CStringGetTextDatum(token_verdict_reason(reading.verdict));
	values[2] = CStringGetTextDatum(token_verdict_sentence(reading.verdict));
	set_json(&values[3], &nulls[3], reading.header);
	set_json(&values[4], &nulls[4], reading.payload);
	nulls[5] = !reading.claims.expires.present;
	values[5] = TimestampTzGetDatum(verify_timestamp(reading.claims.expires.usec));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* Append a member with a string, or null. */
static void
append_string_member(StringInfo json, const char *name, const char *value)
{
	appendStringInfo(json, ", \"%s\": ", name);
	if (value == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, value);
}

static void
append_text_member(StringInfo json, const char *name, const text *value)
{
	append_string_member(json, name, value == NULL ? NULL : text_to_cstring(value));
}

/* Append a member with an array of strings. */
static void
append_list_member(StringInfo json, const char *name, ArrayType *array)
{
	Datum	   *elements;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &count);
	appendStringInfo(json, ", \"%s\": [", name);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, TextDatumGetCString(elements[i]));
	}
	appendStringInfoChar(json, ']');
}

static const char *
source_name(IdentitySource source)
{
	switch (source)
	{
		case IDENTITY_FROM_TOKEN:
			return "token";
		case IDENTITY_FROM_ROLE_CLAIMS:
			return "role_claims";
		case IDENTITY_FROM_NOWHERE:
			break;
	}
	return NULL;
}

/* Why there is no identity in force. */
static void
append_absence(StringInfo json, const IdentityView *view)
{
	TokenVerdict refused = identity_refused_at_start();

	if (view->verdict != TOKEN_OK)
	{
		append_string_member(json, "reason", token_verdict_reason(view->verdict));
		append_string_member(json, "detail", token_verdict_sentence(view->verdict));
		append_string_member(json, "hint", token_verdict_hint(view->verdict));
	}
	else if (view->ended)
	{
		append_string_member(json, "reason", "ended");
		append_string_member(json, "detail", "the token does not count: the transaction in which it was set is over, or it came with the connection");
		append_string_member(json, "hint", "pindah.session_identity is off here: set the token in each transaction.");
	}
	else if (refused != TOKEN_OK)
	{
		append_string_member(json, "reason", token_verdict_reason(refused));
		append_string_member(json, "detail",
							 psprintf("the token that came with the connection was refused: %s",
									  token_verdict_sentence(refused)));
		append_string_member(json, "hint", token_verdict_hint(refused));
	}
	else
	{
		append_string_member(json, "reason", "absent");
		append_string_member(json, "detail", "neither pindah.token nor pindah.role_claims has a value that counts");
		append_string_member(json, "hint", "SET pindah.token, or SELECT pindah_verify_jwt() in a transaction.");
	}
}

/* Everything known about the identity, or why there is none. */
PG_FUNCTION_INFO_V1(pindah_whoami);
Datum
pindah_whoami(PG_FUNCTION_ARGS)
{
	IdentityView view = identity_look();
	const Identity *identity = view.identity;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"authenticated\": %s",
					 identity == NULL ? "false" : "true");
	append_string_member(&json, "source", source_name(view.source));
	if (identity == NULL)
		append_absence(&json, &view);
	else
	{
		append_text_member(&json, "issuer", IDENTITY_TEXT(identity, issuer));
		append_text_member(&json, "key_id", IDENTITY_TEXT(identity, key_id));
		append_text_member(&json, "token_id", IDENTITY_TEXT(identity, token_id));
		append_text_member(&json, "user_id", IDENTITY_TEXT(identity, user_id));
		append_text_member(&json, "user_name", IDENTITY_TEXT(identity, user_name));
		append_text_member(&json, "email", IDENTITY_TEXT(identity, email));
		append_text_member(&json, "organisation_id", IDENTITY_TEXT(identity, organisation));
		append_list_member(&json, "roles", IDENTITY_ARRAY(identity, roles));
		append_list_member(&json, "permissions", IDENTITY_ARRAY(identity, permissions));
		append_string_member(&json, "expires_at", !identity->has_expiry ? NULL :
							 timestamptz_to_str(identity->expires_at));
	}
	appendStringInfoChar(&json, '}');
	PG_RETURN_DATUM(json_text_as_jsonb(json.data));
}

/* Clear the token: RESET pindah.token, aloud where that is no sign-out. */
PG_FUNCTION_INFO_V1(pindah_clear_identity);
Datum
pindah_clear_identity(PG_FUNCTION_ARGS)
{
	identity_set_token(NULL, false);
	identity_warn_of_return();
	PG_RETURN_VOID();
}

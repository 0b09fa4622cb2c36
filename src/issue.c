/*-------------------------------------------------------------------------
 *
 * issue.c
 *	  Access tokens that are signed here.
 *
 * Only what this database would accept leaves it: a token that was just signed
 * is verified by the very code that judges those of others, before anybody
 * gets it.  Reads the tables as that code does, with a catalog snapshot: an
 * old snapshot does not sign with a key that has been retired since.
 *
 * Only reads, and so works on a standby and in a READ ONLY transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "base64url.h"
#include "fmgr.h"
#include "json_reader.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "settings.h"
#include "signing_keys.h"
#include "trust.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "verify.h"

/* Random bytes of a jti: nobody guesses one, no two are equal. */
#define TOKEN_ID_SIZE	16

/* How long to wait for word of a rotation, in steps of so many microseconds. */
#define ROTATION_TRIES	50
#define ROTATION_PAUSE	1000

/* What a token is signed with. */
typedef struct Signer
{
	const char *issuer;			/* palloc'd */
	const char *key_id;
	const char *algorithm;		/* as tokens name it */
	CryptoKey  *key;			/* see signing_key_open() */
} Signer;

/* The alg that tokens of a key have: EdDSA and Ed25519 are one key, two names. */
static const char *
token_algorithm(const TrustedIssuer *issuer, const TrustedKey *key)
{
	JsonObject	jwk;
	const JsonMember *alg;

	if (json_read_object(key->json, strlen(key->json), issuer->ring->encoding,
						 &jwk) == JSON_READ_OK &&
		(alg = json_member(&jwk, "alg")) != NULL && alg->kind == JSON_KIND_STRING)
		return alg->text;
	return crypto_algorithm_name(crypto_key_algorithm(key->key));
}

/* Find the issuer that signs, NULL: the only one that does, and its active key. */
static void
find_active_key(const char *name, const TrustedIssuer **issuer, TrustedKey **key)
{
	int			count;

	trust_catch_up();
	count = trust_find_signer(name, issuer, key);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 name == NULL ? errmsg("no issuer has a signing key here") :
				 errmsg("the issuer has no signing key here"),
				 errhint("Make one with pindah_create_key(), or with pindah_rotate_key() when the last one was revoked.")));
	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("several issuers have a signing key here"),
				 errhint("Name the issuer: pindah_issue_jwt(claims, issuer => '...').")));
}

/*
 * Find who signs.
 *
 * A rotation that commits just now takes the private part of the key away
 * that was the active one a moment ago, and may be seen before it is told:
 * then wait for word of it, and sign with the next.
 */
static void
find_signer(const char *name, Signer *signer)
{
	const TrustedIssuer *issuer = NULL;
	TrustedKey *key = NULL;
	bool		missing;

	for (int tries = 0;; tries++)
	{
		find_active_key(name, &issuer, &key);
		signer->key = signing_key_open(issuer, key, &missing);
		if (signer->key != NULL)
			break;
		if (!missing || tries == ROTATION_TRIES)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the private key of the issuer is not here, or cannot be decrypted"),
					 errhint("Look after pindah.key_passphrase_file, or begin anew with pindah_rotate_key(): a dump holds no private keys.")));
		CHECK_FOR_INTERRUPTS();
		pg_usleep(ROTATION_PAUSE);
	}
	signer->issuer = pstrdup(issuer->issuer);
	signer->key_id = pstrdup(key->key_id);
	signer->algorithm = token_algorithm(issuer, key);
}

/* Is a claim there? */
static JsonbValue *
find_claim(Jsonb *claims, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = (char *) name;
	key.val.string.len = (int) strlen(name);
	return findJsonbValueFromContainer(&claims->root, JB_FOBJECT, &key);
}

/* Refuse claims that say otherwise than what is set here. */
static void
check_contradictions(Jsonb *claims, const char *issuer)
{
	JsonbValue *iss;

	if (!JB_ROOT_IS_OBJECT(claims))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the claims are not a JSON object"),
				 errhint("Give an object with claims such as sub and OrganisationId.")));
	iss = find_claim(claims, "iss");
	if (find_claim(claims, "exp") != NULL || find_claim(claims, "iat") != NULL ||
		find_claim(claims, "jti") != NULL ||
		(iss != NULL &&
		 (iss->type != jbvString || (size_t) iss->val.string.len != strlen(issuer) ||
		  memcmp(iss->val.string.val, issuer, iss->val.string.len) != 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the claims contradict what pindah_issue_jwt() sets"),
				 errhint("Leave out exp, iat and jti; iss, if there, is the issuer that signs. For another expiry give a lifetime.")));
}

/* Seconds since 1970 at which a token issued at "now" expires. */
static int64
expiry_of(TimestampTz now, const Interval *lifetime)
{
	int64		issued = verify_unix_usec(now) / USECS_PER_SEC;
	TimestampTz end;

	if (lifetime == NULL)
		return issued + settings_access_token_lifetime();
	end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  TimestampTzGetDatum(now),
												  PointerGetDatum(lifetime)));
	if (TIMESTAMP_NOT_FINITE(end) || end < now + USECS_PER_SEC)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the lifetime of a token is shorter than a second, or infinite"),
				 errhint("Give an interval such as '60 minutes'.")));
	return verify_unix_usec(end) / USECS_PER_SEC;
}

/* Append a segment in base64url. */
static void
append_base64url(StringInfo out, const void *bytes, size_t len)
{
	size_t		size = BASE64URL_ENCODED_SIZE(len);

	enlargeStringInfo(out, (int) size);
	base64url_encode(bytes, len, out->data + out->len);
	out->len += (int) size;
	out->data[out->len] = '\0';
}

/* Append JSON as a segment, in UTF-8. */
static void
append_json_segment(StringInfo token, const StringInfo json)
{
	char	   *utf8 = pg_server_to_any(json->data, json->len, PG_UTF8);

	append_base64url(token, utf8, strlen(utf8));
}

/* {"alg", "typ", "kid"}: RFC 7519 section 5. */
static void
append_header(StringInfo token, const Signer *signer)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":", signer->algorithm);
	escape_json(&json, signer->key_id);
	appendStringInfoChar(&json, '}');
	append_json_segment(token, &json);
}

/* What is set here, and then the claims. */
static void
append_payload(StringInfo token, Jsonb *claims, const Signer *signer,
			   TimestampTz now, const Interval *lifetime)
{
	uint8_t		id[TOKEN_ID_SIZE];
	Datum		rest = DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(claims),
										   CStringGetTextDatum("iss"));
	char	   *members = JsonbToCString(NULL, &DatumGetJsonbP(rest)->root,
										 VARSIZE(DatumGetJsonbP(rest)));
	StringInfoData json;

	if (!pg_strong_random(id, sizeof(id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"jti\":\"");
	append_base64url(&json, id, sizeof(id));
	appendStringInfo(&json, "\",\"iat\":" INT64_FORMAT ",\"exp\":" INT64_FORMAT,
					 verify_unix_usec(now) / USECS_PER_SEC, expiry_of(now, lifetime));
	if (*signer->issuer != '\0')
	{
		appendStringInfoString(&json, ",\"iss\":");
		escape_json(&json, signer->issuer);
	}
	if (JB_ROOT_COUNT(DatumGetJsonbP(rest)) > 0)
		appendStringInfoChar(&json, ',');
	appendStringInfoString(&json, members + 1);
	append_json_segment(token, &json);
}

/* Sign what the token consists of so far, and append the signature. */
static void
append_signature(StringInfo token, CryptoKey *key)
{
	uint8_t		signature[CRYPTO_MAX_SIGNATURE];
	size_t		len = crypto_sign(key, (const uint8_t *) token->data,
								  (size_t) token->len, signature);

	if (len == 0)
		elog(ERROR, "OpenSSL cannot sign");
	appendStringInfoChar(token, '.');
	append_base64url(token, signature, len);
}

/* Raise when the token would not be accepted here, at this moment. */
static void
check_token(StringInfo token, TimestampTz now)
{
	TokenReading reading;

	verify_token(token->data, (size_t) token->len, now, &reading);
	if (reading.verdict == TOKEN_OK)
		return;
	crypto_wipe(token->data, (size_t) token->len);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the token would be refused: %s",
					token_verdict_sentence(reading.verdict)),
			 errdetail("reason: %s", token_verdict_reason(reading.verdict)),
			 errhint("%s", token_verdict_hint(reading.verdict))));
}

/* Sign claims with the active key of an issuer (RFC 7519 section 7.1). */
PG_FUNCTION_INFO_V1(pindah_issue_jwt);
Datum
pindah_issue_jwt(PG_FUNCTION_ARGS)
{
	Interval   *lifetime = PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1);
	const char *issuer = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	TimestampTz now = verify_now();
	Jsonb	   *claims;
	Signer		signer;
	StringInfoData token;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the claims are null"),
				 errhint("Give an object with claims such as sub and OrganisationId.")));
	claims = PG_GETARG_JSONB_P(0);
	find_signer(issuer, &signer);
	check_contradictions(claims, signer.issuer);

	initStringInfo(&token);
	append_header(&token, &signer);
	appendStringInfoChar(&token, '.');
	append_payload(&token, claims, &signer, now, lifetime);
	append_signature(&token, signer.key);
	check_token(&token, now);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(token.data, token.len));
}

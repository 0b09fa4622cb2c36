/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  From a token to a verdict: the one place that orders the checks.
 *
 * Cheap and structural first, cryptography next, claims last; so nobody
 * without a key learns what the claims of a token would have come to.  Only
 * reads, and so works on a standby and in a READ ONLY transaction.
 *
 * Everything is allocated in the current memory context: callers bring a
 * short-lived one.  Must run inside a transaction, but for what is verified
 * by the trust file alone.
 *
 *-------------------------------------------------------------------------
 */
#include "verify.h"

#include "access/xact.h"
#include "datatype/timestamp.h"
#include "encoding.h"
#include "mb/pg_wchar.h"
#include "revocation.h"
#include "settings.h"
#include "throttle.h"
#include "trust.h"
#include "trust_file.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define EPOCH_DIFFERENCE_USEC \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/*
 * The last header that was in order.  All tokens that an issuer signs with one
 * key have the same, letter for letter, so it is read and judged once.
 */
static struct
{
	size_t		len;
	char		text[512];		/* as it stands in the token */
	char		json[512];		/* decoded, in the server's encoding */
	char		key_id[JWS_MAX_KEY_ID_SIZE + 1];
	JwsHeader	header;
}			known_header;

/* Who says what is trusted. */
typedef struct Authority
{
	const TrustedIssuer *(*find_issuer) (const char *issuer);
	bool		in_utf8;		/* and not in the server's encoding */
	bool		knows_revocations;
} Authority;

static const Authority by_trust = {trust_find_issuer, false, true};
static const Authority by_file = {trust_file_find_issuer_utf8, true, false};

/* Microseconds since 1970 of a timestamp. */
int64
verify_unix_usec(TimestampTz time)
{
	return time + EPOCH_DIFFERENCE_USEC;
}

/* The timestamp of microseconds since 1970. */
TimestampTz
verify_timestamp(int64 unix_usec)
{
	return unix_usec - EPOCH_DIFFERENCE_USEC;
}

/* The instant that expiry is judged by: the start of the client's statement. */
TimestampTz
verify_now(void)
{
	return GetCurrentStatementStartTimestamp();
}

/*
 * Learn what other sessions have committed: a revocation counts from the next
 * statement on, in the middle of a transaction too.
 */
void
verify_catch_up(void)
{
	trust_catch_up();
}

/*
 * Changes whenever a verdict of before may no longer stand, but for what was
 * revoked since: that is looked up without verifying again.
 */
uint64
verify_generation(void)
{
	return trust_generation() + settings_generation();
}

/* Are exp, nbf and iat in order at "now"? */
TokenVerdict
verify_times(const Claims *claims, TimestampTz now)
{
	return claims_check_times(claims, verify_unix_usec(now),
							  settings_clock_skew_usec());
}

/*
 * Put decoded JSON into the server's encoding.  Up to here it is UTF-8; what
 * cannot be said in the server's encoding cannot be compared with its data.
 */
static TokenVerdict
to_server_encoding(char **text, size_t *len)
{
	if (pg_encoding_verifymbstr(PG_UTF8, *text, (int) *len) != (int) *len)
		return TOKEN_BAD_UTF8;
	return encoding_to_server(text, len) ? TOKEN_OK : TOKEN_ENCODING;
}

/*
 * Decode a segment and read it as a JSON object, in an encoding that is the
 * server's or UTF-8.
 */
static TokenVerdict
read_segment(JwsSegment segment, int encoding, const char **text,
			 JsonObject *object)
{
	char	   *bytes;
	size_t		len;
	TokenVerdict verdict = jws_decode_segment(segment, &bytes, &len);

	if (verdict == TOKEN_OK && GetDatabaseEncoding() != PG_UTF8)
		bytes = json_expand_escapes(bytes, len, &len);
	if (verdict == TOKEN_OK && encoding != PG_UTF8)
		verdict = to_server_encoding(&bytes, &len);
	if (verdict == TOKEN_OK)
		verdict = jws_read_json(bytes, len, encoding, object);
	if (verdict == TOKEN_OK)
		*text = bytes;
	return verdict;
}

/* Decode a segment and read it as a JSON object, in the server's encoding. */
TokenVerdict
verify_read_segment(JwsSegment segment, const char **text, JsonObject *object)
{
	return read_segment(segment, GetDatabaseEncoding(), text, object);
}

/*
 * Keep a header that is in order, for the next token that has the same.  This
 * is a pure function of its text: nothing that can be revoked hangs on it.
 */
static void
keep_header(JwsSegment segment, const char *json, const JwsHeader *header)
{
	size_t		json_len = strlen(json);

	if (segment.len > sizeof(known_header.text) ||
		json_len >= sizeof(known_header.json))
		return;
	memcpy(known_header.text, segment.text, segment.len);
	known_header.len = segment.len;
	memcpy(known_header.json, json, json_len + 1);
	known_header.header.algorithm = header->algorithm;
	known_header.header.key_id = NULL;
	if (header->key_id != NULL)
	{
		strlcpy(known_header.key_id, header->key_id, sizeof(known_header.key_id));
		known_header.header.key_id = known_header.key_id;
	}
}

/*
 * Read and judge the header.  What this points at is good until the next
 * token is verified.
 */
static TokenVerdict
read_header(JwsSegment segment, const Authority *authority, const char **json,
			JwsHeader *header)
{
	JsonObject	object;
	TokenVerdict verdict;

	if (authority->in_utf8)
	{
		verdict = read_segment(segment, PG_UTF8, json, &object);
		return verdict != TOKEN_OK ? verdict :
			jws_check_header(&object, JWS_ACCESS_TOKEN, header);
	}
	if (segment.len == known_header.len &&
		memcmp(segment.text, known_header.text, segment.len) == 0)
	{
		*json = known_header.json;
		*header = known_header.header;
		return TOKEN_OK;
	}
	verdict = verify_read_segment(segment, json, &object);
	if (verdict == TOKEN_OK)
		verdict = jws_check_header(&object, JWS_ACCESS_TOKEN, header);
	if (verdict == TOKEN_OK)
		keep_header(segment, *json, header);
	return verdict;
}

/* Find the issuer's key, check the signature. */
static TokenVerdict
check_signature(const JwsParts *parts, const JwsHeader *header,
				const char *signature, size_t signature_len,
				const TrustedIssuer *issuer, TimestampTz now,
				TokenReading *reading)
{
	TrustedKey *key;
	TokenVerdict verdict = keyring_find_key(issuer, header, now, &key);

	if (verdict != TOKEN_OK)
		return verdict;
	reading->key_id = key->key_id;
	reading->key_ends_at = key->ends_at;
	if (!jws_verify(parts, header->algorithm, key->key, signature, signature_len))
		return TOKEN_BAD_SIGNATURE;
	keyring_count_use(issuer, key, now);
	return TOKEN_OK;
}

/* Is the token meant for one of the issuer's audiences, if it has some? */
static TokenVerdict
check_audience(const TrustedIssuer *issuer, const Claims *claims)
{
	if (!issuer->has_audience)
		return TOKEN_OK;
	if (!claims->has_audience)
		return TOKEN_NO_AUDIENCE;
	for (int i = 0; i < claims->audience.count; i++)
	{
		for (int j = 0; j < issuer->audience.count; j++)
		{
			if (strcmp(claims->audience.items[i], issuer->audience.items[j]) == 0)
				return TOKEN_OK;
		}
	}
	return TOKEN_WRONG_AUDIENCE;
}

/* Was the token taken back? */
static TokenVerdict
check_revocation(const Claims *claims)
{
	RevocableToken token = {
		.issuer = claims->issuer,
		.token_id = claims->token_id,
		.user_id = claims->user_id,
		.organisation = claims->organisation,
		.has_issued_at = claims->issued_at.present,
		.issued_at = verify_timestamp(claims->issued_at.usec)
	};

	return revocation_check(&token);
}

/* The claims, once the signature vouches for them. */
static TokenVerdict
check_claims(const JsonObject *payload, const TrustedIssuer *issuer,
			 TimestampTz now, Claims *claims)
{
	TokenVerdict verdict = claims_read(payload, issuer->claim_names, claims);

	if (verdict == TOKEN_OK)
		verdict = claims_check_required(claims);
	if (verdict == TOKEN_OK)
		verdict = verify_times(claims, now);
	if (verdict == TOKEN_OK)
		verdict = claims_check_lifetime(claims, settings_max_lifetime_usec());
	if (verdict == TOKEN_OK)
		verdict = check_audience(issuer, claims);
	if (verdict == TOKEN_OK &&
		!keyring_issuer_speaks_for(issuer, claims->organisation))
		verdict = TOKEN_UNTRUSTED_ORGANISATION;
	return verdict;
}

/* The checks in their order. */
static TokenVerdict
judge_token(const char *token, size_t len, TimestampTz now,
			const Authority *authority, TokenReading *reading)
{
	int			encoding = authority->in_utf8 ? PG_UTF8 : GetDatabaseEncoding();
	JwsParts	parts;
	JwsHeader	header;
	JsonObject	payload_object;
	char	   *signature;
	size_t		signature_len;
	const TrustedIssuer *issuer;
	TokenVerdict verdict;

	if (len > settings_max_token_size())
		return TOKEN_TOO_LARGE;
	verdict = jws_split(token, len, &parts);
	if (verdict == TOKEN_OK)
		verdict = read_header(parts.header, authority, &reading->header, &header);
	if (verdict == TOKEN_OK && !settings_algorithm_allowed(header.algorithm))
		verdict = TOKEN_UNSUPPORTED_ALGORITHM;
	if (verdict == TOKEN_OK)
		verdict = jws_decode_segment(parts.signature, &signature, &signature_len);
	if (verdict == TOKEN_OK)
		verdict = read_segment(parts.payload, encoding, &reading->payload,
							   &payload_object);
	if (verdict == TOKEN_OK)
		verdict = claims_read_issuer(&payload_object, &reading->claims);
	if (verdict != TOKEN_OK)
		return verdict;

	issuer = authority->find_issuer(reading->claims.issuer == NULL ? "" :
									reading->claims.issuer);
	if (issuer == NULL || issuer->claim_names == NULL)
		return TOKEN_UNTRUSTED_ISSUER;
	verdict = check_signature(&parts, &header, signature, signature_len,
							  issuer, now, reading);
	if (verdict == TOKEN_OK)
		verdict = check_claims(&payload_object, issuer, now, &reading->claims);
	if (verdict == TOKEN_OK && authority->knows_revocations)
		verdict = check_revocation(&reading->claims);
	return verdict;
}

/* Judge a token at the instant "now". */
void
verify_token(const char *token, size_t len, TimestampTz now,
			 TokenReading *reading)
{
	memset(reading, 0, sizeof(*reading));
	reading->verdict = judge_token(token, len, now, &by_trust, reading);
}

/* Was a token refused that no trusted issuer has signed? */
static bool
is_a_stranger(TokenVerdict verdict)
{
	static const char *const reasons[] = {
		"malformed", "too_large", "unsupported_algorithm", "wrong_type",
		"untrusted_issuer", "unknown_key", "bad_signature"
	};

	for (int i = 0; i < (int) lengthof(reasons); i++)
	{
		if (strcmp(token_verdict_reason(verdict), reasons[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Judge a token that somebody presents: from an address that has presented too
 * many bad ones it is not even looked at.
 */
static void
judge_presented(const char *token, size_t len, TimestampTz now,
				const Authority *authority, TokenReading *reading)
{
	memset(reading, 0, sizeof(*reading));
	if (throttle_wait() > 0)
	{
		reading->verdict = TOKEN_THROTTLED;
		return;
	}
	reading->verdict = judge_token(token, len, now, authority, reading);
	if (is_a_stranger(reading->verdict))
		throttle_note_refusal();
}

/*
 * Judge a token that somebody presents by the trust file alone.
 *
 * For a login, which is judged before a database is open: needs no database
 * and no transaction, asks no table, and so knows of no revocation.  "now" is
 * the time of day, GetCurrentTimestamp(): there is no statement yet.  All
 * texts of "reading" are UTF-8, which the database's encoding need not be.
 */
void
verify_token_by_file(const char *token, size_t len, TimestampTz now,
					 TokenReading *reading)
{
	trust_file_catch_up_at(now);
	judge_presented(token, len, now, &by_file, reading);
}

/*
 * Verify a token that somebody presents: as verify_token(), and from an
 * address that has presented too many bad ones it is not even looked at.
 */
void
verify_presented_token(const char *token, size_t len, TimestampTz now,
					   TokenReading *reading)
{
	judge_presented(token, len, now, &by_trust, reading);
}

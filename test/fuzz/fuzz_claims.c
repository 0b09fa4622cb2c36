/*-------------------------------------------------------------------------
 *
 * fuzz_claims.c
 *	  Any claim map, and the claims of any payload read with it.
 *
 * The input is a claim map, a line feed and a payload; or only one text,
 * which then is both.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <math.h>

#include "claims.h"
#include "reference_json.h"

#define USEC	INT64CONST(1000000)
#define NOW		INT64CONST(1700000000)	/* what the seeds take for today */

void
fuzz_begin(void)
{
}

/* A map that is taken names a claim for each role. */
static void
check_map(const ClaimNames *names)
{
	for (int role = 0; role < CLAIM_ROLES_COUNT; role++)
	{
		MUST(names->names[role] != NULL && names->names[role][0] != NULL);
		for (int i = 0; names->names[role][i] != NULL; i++)
			MUST(reference_is_utf8(names->names[role][i], strlen(names->names[role][i])));
	}
}

/* Is it the text of a member that goes by one of the names? */
static bool
is_said_by(const JsonObject *payload, const char *const *names, const char *text)
{
	for (; *names != NULL; names++)
	{
		const JsonMember *member = json_member(payload, *names);

		if (member != NULL && member->text != NULL && strcmp(member->text, text) == 0)
			return true;
	}
	return false;
}

/* A NumericDate: the member's own number, rounded up to a microsecond. */
static void
check_time(const JsonObject *payload, const char *name, const ClaimTime *date)
{
	const JsonMember *member = json_member(payload, name);
	long double exact;

	if (!date->present)
	{
		MUST(member == NULL || (strcmp(name, "iat") == 0 && member->kind != JSON_KIND_NUMBER));
		return;
	}
	MUST(member != NULL && member->kind == JSON_KIND_NUMBER);
	exact = strtold(member->text, NULL) * USEC;
	MUST(date->usec >= 0 && date->usec <= INT64CONST(253402300800) * USEC);
	MUST(fabsl((long double) date->usec - exact) < 1.01L);
	MUST((long double) date->usec > exact - 0.01L);
}

/* Is it what every member that goes by one of the names says? */
static bool
is_agreed_on(const JsonObject *payload, const char *const *names, const char *text)
{
	bool		said = false;

	for (; *names != NULL; names++)
	{
		const JsonMember *member = json_member(payload, *names);

		if (member == NULL || member->kind == JSON_KIND_NULL)
			continue;
		if (member->text == NULL || text == NULL || strcmp(member->text, text) != 0)
			return false;
		said = true;
	}
	return said == (text != NULL);
}

static void
check_list(const ClaimList *list)
{
	MUST(list->count >= 0);
	for (int i = 0; i < list->count; i++)
		MUST(reference_is_utf8(list->items[i], strlen(list->items[i])));
}

/* In force from the first microsecond to the last, and at no other time. */
static void
check_validity(const Claims *claims, int64 skew)
{
	int64		end = claims->expires.usec + skew;
	int64		start = -301 * USEC;	/* no skew takes 1970 so far back */

	if (claims->not_before.present)
		start = Max(start, claims->not_before.usec - skew);
	if (claims->issued_at.present)
		start = Max(start, claims->issued_at.usec - skew);

	MUST(claims_check_times(claims, end, skew) == TOKEN_EXPIRED);
	MUST(claims_check_times(claims, end - 1, skew) ==
		 (start < end ? TOKEN_OK : TOKEN_NOT_YET_VALID));
	MUST(claims_check_times(claims, start, skew) ==
		 (start < end ? TOKEN_OK : TOKEN_EXPIRED));
	if (claims->not_before.present || claims->issued_at.present)
		MUST(claims_check_times(claims, start - 1, skew) ==
			 (start <= end ? TOKEN_NOT_YET_VALID : TOKEN_EXPIRED));
}

/* Claims that were read say what the payload says. */
static void
check_claims(const JsonObject *payload, const ClaimNames *names, const Claims *claims)
{
	check_time(payload, "exp", &claims->expires);
	check_time(payload, "nbf", &claims->not_before);
	check_time(payload, "iat", &claims->issued_at);
	check_list(&claims->audience);
	check_list(&claims->roles);
	check_list(&claims->permissions);
	MUST(claims->has_audience == (json_member(payload, "aud") != NULL));

	MUST(is_agreed_on(payload, names->names[CLAIM_USER_ID], claims->user_id));
	MUST(is_agreed_on(payload, names->names[CLAIM_ORGANISATION], claims->organisation));
	MUST(claims->user_id == NULL || claims->user_id[0] != '\0');
	MUST(claims->organisation == NULL || claims->organisation[0] != '\0');
	if (claims->user_name != NULL)
		MUST(is_said_by(payload, names->names[CLAIM_USER_NAME], claims->user_name));
	if (claims->email != NULL)
		MUST(is_said_by(payload, names->names[CLAIM_EMAIL], claims->email));
}

static void
read_claims(const JsonObject *payload, const ClaimNames *names)
{
	Claims		claims;
	TokenVerdict verdict = claims_read_issuer(payload, &claims);

	if (verdict == TOKEN_OK)
		verdict = claims_read(payload, names, &claims);
	MUST(token_verdict_reason(verdict) != NULL);
	if (verdict != TOKEN_OK)
		return;

	check_claims(payload, names, &claims);
	verdict = claims_check_required(&claims);
	MUST((verdict == TOKEN_OK) ==
		 (claims.expires.present && claims.user_id != NULL));
	(void) claims_check_times(&claims, NOW * USEC, 30 * USEC);
	(void) claims_check_times(&claims, PG_INT64_MAX - 300 * USEC, 300 * USEC);
	(void) claims_check_times(&claims, PG_INT64_MIN + 300 * USEC, 300 * USEC);
	if (claims.expires.present)
	{
		check_validity(&claims, 0);
		check_validity(&claims, 300 * USEC);
	}
}

void
fuzz_one(const char *data, size_t len)
{
	const char *line_end = len == 0 ? NULL : memchr(data, '\n', len);
	size_t		map_len = line_end == NULL ? len : (size_t) (line_end - data);
	const char *text = line_end == NULL ? data : line_end + 1;
	JsonObject	payload;
	ClaimNames	names;
	bool		has_map = claims_read_map(data, map_len, PG_UTF8, &names);
	bool		has_payload = json_read_object(text, (size_t) (data + len - text),
											   PG_UTF8, &payload) == JSON_READ_OK;

	fuzz_forget_input();
	if (has_map)
		check_map(&names);
	if (has_payload)
	{
		read_claims(&payload, claims_default_names());
		if (has_map)
			read_claims(&payload, &names);
	}
}

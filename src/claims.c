/*-------------------------------------------------------------------------
 *
 * claims.c
 *	  What the claims of a JWT (RFC 7519 section 4, ASP.NET's names) mean.
 *
 * Turns the members of a payload into one Claims structure.  A claim may go
 * by several names: the first one present counts.  Where it decides who
 * somebody is - user id and organisation - all names present must agree.
 * JSON null counts as absent, but for the registered claims.
 *
 * Returns a verdict and raises nothing; memory is palloc'd in the current
 * context.  Also compiled outside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "claims.h"

#define IDENTITY_CLAIMS	"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

/* 9999-12-31 23:59:59: beyond it somebody wrote milliseconds. */
#define MAX_NUMERIC_DATE	INT64CONST(253402300799)
#define USEC_PER_SECOND		INT64CONST(1000000)

static const char *const user_id_names[] = {
	"sub", "nameid", IDENTITY_CLAIMS "nameidentifier", "NameIdentifier", NULL
};
static const char *const user_name_names[] = {
	"unique_name", "name", IDENTITY_CLAIMS "name", "Name", NULL
};
static const char *const email_names[] = {
	"email", IDENTITY_CLAIMS "emailaddress", "Email", NULL
};
static const char *const role_names[] = {
	"role", "roles",
	"http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "Role", NULL
};
static const char *const permission_names[] = {
	"Permission", "permission", "permissions", NULL
};
static const char *const organisation_names[] = {
	"OrganisationId", "organisation_id", "organisationId", NULL
};

static const ClaimNames default_names = {
	{
		[CLAIM_USER_ID] = user_id_names,
		[CLAIM_USER_NAME] = user_name_names,
		[CLAIM_EMAIL] = email_names,
		[CLAIM_ROLES] = role_names,
		[CLAIM_PERMISSIONS] = permission_names,
		[CLAIM_ORGANISATION] = organisation_names
	}
};

/* The members of a claim map; a shorter form of each is understood too. */
static const struct
{
	const char *name;
	const char *short_name;
} map_members[CLAIM_ROLES_COUNT] = {
	[CLAIM_USER_ID] = {"user_id", "user"},
	[CLAIM_USER_NAME] = {"user_name", "name"},
	[CLAIM_EMAIL] = {"email", "email"},
	[CLAIM_ROLES] = {"roles", "role"},
	[CLAIM_PERMISSIONS] = {"permissions", "permission"},
	[CLAIM_ORGANISATION] = {"organisation_id", "organisation"}
};

const ClaimNames *
claims_default_names(void)
{
	return &default_names;
}

/* The list of names that a member of a claim map gives, or NULL. */
static const char *const *
names_of_member(const JsonMember *member)
{
	const char **names;

	if (member->kind == JSON_KIND_STRING && member->text[0] != '\0')
	{
		names = palloc(2 * sizeof(char *));
		names[0] = member->text;
		names[1] = NULL;
		return names;
	}
	if (member->kind != JSON_KIND_ARRAY || !member->only_strings ||
		member->nitems == 0)
		return NULL;
	names = palloc((member->nitems + 1) * sizeof(char *));
	memcpy(names, member->items, member->nitems * sizeof(char *));
	names[member->nitems] = NULL;
	return names;
}

/*
 * Read an issuer's claim map: an object whose members, named as in
 * map_members, are a claim name or an array of them, and replace the default
 * list.  False when it is anything else.
 */
bool
claims_read_map(const char *json, size_t len, int encoding, ClaimNames *names)
{
	JsonObject	map;

	*names = default_names;
	if (json_read_object(json, len, encoding, &map) != JSON_READ_OK)
		return false;
	for (int i = 0; i < map.nmembers; i++)
	{
		int			role = 0;

		while (role < CLAIM_ROLES_COUNT &&
			   strcmp(map.members[i].name, map_members[role].name) != 0 &&
			   strcmp(map.members[i].name, map_members[role].short_name) != 0)
			role++;
		if (role == CLAIM_ROLES_COUNT)
			return false;
		names->names[role] = names_of_member(&map.members[i]);
		if (names->names[role] == NULL)
			return false;
	}
	return true;
}

/*
 * Read a NumericDate: digits, perhaps a decimal fraction.  No sign and no
 * exponent: nobody means them.
 */
static bool
read_numeric_date(const JsonMember *member, ClaimTime *date)
{
	const char *p = member->text;
	int64		seconds = 0;
	int64		usec = 0;
	int64		unit = USEC_PER_SECOND / 10;

	if (member->kind != JSON_KIND_NUMBER || *p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		seconds = seconds * 10 + (*p - '0');
		if (seconds > MAX_NUMERIC_DATE)
			return false;
	}
	if (*p == '.')
	{
		bool		beyond = false;

		for (p++; *p >= '0' && *p <= '9'; p++)
		{
			usec += unit * (*p - '0');
			if (unit == 0 && *p != '0')
				beyond = true;
			unit /= 10;
		}
		if (beyond)
			usec++;
	}
	if (*p != '\0')
		return false;
	date->present = true;
	date->usec = seconds * USEC_PER_SECOND + usec;
	return true;
}

/*
 * Read exp, nbf and iat (RFC 7519 4.1.4 to 4.1.6).  What is there and cannot
 * be read is an error, not an absence; but ASP.NET code often writes iat as
 * a string, and nothing hangs on it then.
 */
static TokenVerdict
read_times(const JsonObject *payload, Claims *claims)
{
	const JsonMember *exp = json_member(payload, "exp");
	const JsonMember *nbf = json_member(payload, "nbf");
	const JsonMember *iat = json_member(payload, "iat");

	if (exp != NULL && !read_numeric_date(exp, &claims->expires))
		return TOKEN_BAD_TIME;
	if (nbf != NULL && !read_numeric_date(nbf, &claims->not_before))
		return TOKEN_BAD_TIME;
	if (iat != NULL && iat->kind == JSON_KIND_NUMBER &&
		!read_numeric_date(iat, &claims->issued_at))
		return TOKEN_BAD_TIME;
	return TOKEN_OK;
}

/* Read one string or an array of strings; false when it is anything else. */
static bool
read_list(const JsonMember *member, ClaimList *list)
{
	if (member->kind == JSON_KIND_STRING)
	{
		list->count = 1;
		list->items = palloc(sizeof(char *));
		list->items[0] = member->text;
		return true;
	}
	if (member->kind != JSON_KIND_ARRAY || !member->only_strings)
		return false;
	list->count = member->nitems;
	list->items = member->items;
	return true;
}

/* The next claim of a role that is present, beginning at names[*next]. */
static const JsonMember *
next_claim(const JsonObject *payload, const ClaimNames *names, ClaimRole role,
		   int *next)
{
	const char *name;

	while ((name = names->names[role][(*next)++]) != NULL)
	{
		const JsonMember *member = json_member(payload, name);

		if (member != NULL &&
			(member->kind != JSON_KIND_NULL || role == CLAIM_USER_ID))
			return member;
	}
	(*next)--;
	return NULL;
}

/* The first claim of a role that is present, or NULL. */
static const JsonMember *
first_claim(const JsonObject *payload, const ClaimNames *names, ClaimRole role)
{
	int			next = 0;

	return next_claim(payload, names, role, &next);
}

/* An organisation id: a non-empty string, or an integer as it is written. */
static bool
is_organisation(const JsonMember *member)
{
	const char *digits = member->text;

	if (member->kind == JSON_KIND_STRING)
		return member->text[0] != '\0';
	if (member->kind != JSON_KIND_NUMBER)
		return false;
	if (*digits == '-')
		digits++;
	return strspn(digits, "0123456789") == strlen(digits) &&
		strcmp(member->text, "-0") != 0;
}

/* Read user id and organisation, under all their names. */
static TokenVerdict
read_principal(const JsonObject *payload, const ClaimNames *names, Claims *claims)
{
	const JsonMember *member;
	int			next = 0;

	while ((member = next_claim(payload, names, CLAIM_USER_ID, &next)) != NULL)
	{
		if (member->kind != JSON_KIND_STRING || member->text[0] == '\0')
			return TOKEN_BAD_USER;
		if (claims->user_id != NULL && strcmp(claims->user_id, member->text) != 0)
			return TOKEN_USERS_DISAGREE;
		claims->user_id = member->text;
	}

	next = 0;
	while ((member = next_claim(payload, names, CLAIM_ORGANISATION, &next)) != NULL)
	{
		if (!is_organisation(member))
			return TOKEN_BAD_ORGANISATION;
		if (claims->organisation != NULL &&
			strcmp(claims->organisation, member->text) != 0)
			return TOKEN_ORGANISATIONS_DISAGREE;
		claims->organisation = member->text;
	}
	return TOKEN_OK;
}

/* Read a claim that may be absent, and else is a string. */
static bool
read_text(const JsonMember *member, const char **text)
{
	if (member == NULL)
		return true;
	if (member->kind != JSON_KIND_STRING)
		return false;
	*text = member->text;
	return true;
}

/* Read iss alone: it decides which keys the token may be verified with. */
TokenVerdict
claims_read_issuer(const JsonObject *payload, Claims *claims)
{
	memset(claims, 0, sizeof(*claims));
	if (!read_text(json_member(payload, "iss"), &claims->issuer))
		return TOKEN_BAD_ISSUER;
	return TOKEN_OK;
}

/* Read all other claims, under the names that the issuer uses. */
TokenVerdict
claims_read(const JsonObject *payload, const ClaimNames *names, Claims *claims)
{
	const JsonMember *audience = json_member(payload, "aud");
	const JsonMember *roles = first_claim(payload, names, CLAIM_ROLES);
	const JsonMember *permissions = first_claim(payload, names, CLAIM_PERMISSIONS);
	TokenVerdict verdict = read_times(payload, claims);

	if (verdict != TOKEN_OK)
		return verdict;
	claims->has_audience = audience != NULL;
	if (audience != NULL && !read_list(audience, &claims->audience))
		return TOKEN_BAD_AUDIENCE;
	verdict = read_principal(payload, names, claims);
	if (verdict != TOKEN_OK)
		return verdict;
	if (!read_text(json_member(payload, "jti"), &claims->token_id) ||
		!read_text(first_claim(payload, names, CLAIM_USER_NAME), &claims->user_name) ||
		!read_text(first_claim(payload, names, CLAIM_EMAIL), &claims->email))
		return TOKEN_BAD_TEXT_CLAIM;
	if ((roles != NULL && !read_list(roles, &claims->roles)) ||
		(permissions != NULL && !read_list(permissions, &claims->permissions)))
		return TOKEN_BAD_LIST_CLAIM;
	return TOKEN_OK;
}

/* The claims without which there is no identity. */
TokenVerdict
claims_check_required(const Claims *claims)
{
	if (!claims->expires.present)
		return TOKEN_NO_EXPIRY;
	if (claims->user_id == NULL)
		return TOKEN_NO_USER;
	return TOKEN_OK;
}

/* Is the token in force?  All in microseconds, "now" since 1970. */
TokenVerdict
claims_check_times(const Claims *claims, int64 now_usec, int64 skew_usec)
{
	if (claims->expires.present &&
		claims->expires.usec <= now_usec - skew_usec)
		return TOKEN_EXPIRED;
	if (claims->not_before.present &&
		claims->not_before.usec > now_usec + skew_usec)
		return TOKEN_NOT_YET_VALID;
	if (claims->issued_at.present &&
		claims->issued_at.usec > now_usec + skew_usec)
		return TOKEN_NOT_YET_VALID;
	return TOKEN_OK;
}

/*
 * Does the token live no longer than it may (0: as long as it likes)?  Only
 * iat tells when its life began; without it nothing can be said, and later
 * nobody could tell what a revocation that has been removed was about.
 */
TokenVerdict
claims_check_lifetime(const Claims *claims, int64 max_usec)
{
	if (max_usec == 0)
		return TOKEN_OK;
	if (!claims->issued_at.present)
		return TOKEN_NO_ISSUED_AT;
	if (claims->expires.usec - claims->issued_at.usec > max_usec)
		return TOKEN_LIVES_TOO_LONG;
	return TOKEN_OK;
}

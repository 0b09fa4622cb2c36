/*-------------------------------------------------------------------------
 *
 * oauth_validator.c
 *	  A connection that authenticates with its token (PostgreSQL 18).
 *
 * The library is a module of oauth_validator_libraries as well.  The bearer
 * token of SASL OAUTHBEARER (RFC 7628) is verified with the trust file alone,
 * since no database is open yet: no table is read, and nothing revoked in one
 * is known.  That is made up for: the token becomes the value of pindah.token
 * that the connection starts with, and identity.c verifies it once more, under
 * the trust of the database, when it is first used.
 *
 * What is asked beyond what every token must be: that its issuer is the one
 * of the line of pg_hba.conf, since only that tells whose users its map
 * names; that the trust file gives the issuer an audience, since a token for
 * somebody else would do otherwise; and the scopes of that line.
 *
 * Whatever is wrong goes to the server log and to nobody else, and never with
 * a piece of the token.  Keeps no state but the setting.  Down to
 * PostgreSQL 17 there is only the setting.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "oauth_validator.h"

#include "identity.h"
#include "utils/guc.h"

static char *oauth_user_claim = NULL;

#ifdef PINDAH_HAS_OAUTH

/*
 * The headers of GSSAPI need not be there to build this: without it, libpq-be.h
 * keeps a pointer's room for it, so that structs are the same for extensions.
 */
#undef ENABLE_GSS
#include "libpq/oauth.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "trust_file.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "verify.h"

#define WELL_KNOWN		"/.well-known/"
#define RFC8414_METADATA	"oauth-authorization-server"

/* What may be wrong here with a token that is valid. */
typedef struct Refusal
{
	const char *message;
	const char *hint;
} Refusal;

static const Refusal WRONG_ISSUER = {
	"the issuer of the token is not that of the line in pg_hba.conf",
	"Write the iss of the tokens into the option issuer of that line, byte for byte."
};
static const Refusal NO_AUDIENCE = {
	"the trust file gives the issuer no audience",
	"Add \"audience\" to the issuer in pindah.trust_file: without one, a token for any other service would open a connection."
};
static const Refusal NO_SCOPE = {
	"the token lacks a scope of the line in pg_hba.conf",
	"The scope or scp claim must hold every scope of that line but those of OpenID Connect itself."
};
static const Refusal NO_USER_CLAIM = {
	"the token has no usable claim for the user map",
	"pindah.oauth_user_claim names it: a non-empty string without control characters; an e-mail address must not be marked as unverified."
};
static const Refusal ROLE_DIFFERS = {
	"the user claim is not the name of the role, and the line in pg_hba.conf delegates the mapping",
	"Use the option map with pg_ident.conf instead of delegate_ident_mapping."
};

/* Take a prefix off a list of words: the next word and its length. */
static const char *
next_word(const char **list, size_t *len)
{
	const char *word;

	*list += strspn(*list, " ");
	word = *list;
	*len = strcspn(word, " ");
	*list += *len;
	return *len == 0 ? NULL : word;
}

/* Is a word one of a list, which is divided by spaces (RFC 6749 3.3)? */
static bool
in_list(const char *list, const char *wanted, size_t wanted_len)
{
	const char *word;
	size_t		len;

	while ((word = next_word(&list, &len)) != NULL)
	{
		if (len == wanted_len && memcmp(word, wanted, len) == 0)
			return true;
	}
	return false;
}

/* Does a claim grant a scope?  Issuers write a string or an array. */
static bool
claim_grants(const JsonMember *claim, const char *scope, size_t len)
{
	if (claim == NULL)
		return false;
	if (claim->kind == JSON_KIND_STRING)
		return in_list(claim->text, scope, len);
	if (claim->kind != JSON_KIND_ARRAY || !claim->only_strings)
		return false;
	for (int i = 0; i < claim->nitems; i++)
	{
		if (strlen(claim->items[i]) == len && memcmp(claim->items[i], scope, len) == 0)
			return true;
	}
	return false;
}

/*
 * Does the token have every scope of the line?  Those of OpenID Connect tell
 * the issuer what the client wants to know, and are not for us to check:
 * issuers leave them out of tokens that are for others.
 */
static bool
scopes_suffice(const JsonObject *payload, const char *wanted)
{
	const char *scope;
	size_t		len;

	if (wanted == NULL)
		return true;
	while ((scope = next_word(&wanted, &len)) != NULL)
	{
		if (!in_list("openid profile email address phone offline_access", scope, len) &&
			!claim_grants(json_member(payload, "scope"), scope, len) &&
			!claim_grants(json_member(payload, "scp"), scope, len))
			return false;
	}
	return true;
}

/*
 * Is "issuer" the one that pg_hba.conf means?  There it may also be written as
 * the address of its metadata: after the issuer (OpenID Connect Discovery 4),
 * or between host and path (RFC 8414 3.1).
 */
static bool
issuer_is(const char *issuer, const char *configured)
{
	const char *well_known;
	const char *path;
	size_t		head;

	if (configured == NULL)
		return false;
	well_known = strstr(configured, WELL_KNOWN);
	if (well_known == NULL)
		return strcmp(issuer, configured) == 0;
	head = well_known - configured;
	path = well_known + strlen(WELL_KNOWN);
	path += strcspn(path, "/");
	return strlen(issuer) == head + strlen(path) &&
		memcmp(issuer, configured, head) == 0 && strcmp(issuer + head, path) == 0;
}

/* The name that the user map is asked for, or NULL. */
static const char *
user_to_map(const JsonObject *payload)
{
	const JsonMember *claim = json_member(payload, oauth_user_claim);

	if (claim == NULL || claim->kind != JSON_KIND_STRING || claim->text[0] == '\0')
		return NULL;
	/* It is logged, and compared by the regular expressions of pg_ident.conf. */
	for (const char *c = claim->text; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			return NULL;
	}
	/* Whoever can write any address into his profile is not its owner. */
	if (strcmp(oauth_user_claim, "email") == 0)
	{
		const JsonMember *verified = json_member(payload, "email_verified");

		if (verified != NULL && verified->kind != JSON_KIND_TRUE)
			return NULL;
	}
	return claim->text;
}

/*
 * What a valid token must be beyond that to open this connection; NULL when it
 * is, with the user's name.
 */
static const Refusal *
check_for_line(const TokenReading *reading, const char *role, const char **user)
{
	const HbaLine *line = MyProcPort->hba;
	const char *issuer = reading->claims.issuer;
	const TrustedIssuer *trusted;
	JsonObject	payload;

	if (issuer == NULL || !issuer_is(issuer, line->oauth_issuer))
		return &WRONG_ISSUER;
	trusted = trust_file_find_issuer_utf8(issuer);
	if (trusted == NULL || !trusted->has_audience)
		return &NO_AUDIENCE;
	if (json_read_object(reading->payload, strlen(reading->payload), PG_UTF8,
						 &payload) != JSON_READ_OK ||
		!scopes_suffice(&payload, line->oauth_scope))
		return &NO_SCOPE;
	*user = user_to_map(&payload);
	if (*user == NULL)
		return &NO_USER_CLAIM;
	/* Nothing but the user map could tell that this user may be that role. */
	if (line->oauth_skip_usermap && strcmp(*user, role) != 0)
		return &ROLE_DIFFERS;
	return NULL;
}

/* Tell the server log, and nobody else, why a token was refused. */
static void
log_refusal(TokenVerdict verdict, const Refusal *refusal)
{
	const char *message = refusal != NULL ? refusal->message :
		token_verdict_sentence(verdict);
	const char *hint = refusal != NULL ? refusal->hint : token_verdict_hint(verdict);

	ereport(COMMERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("%s: %s", TOKEN_REFUSED, message),
			 verdict == TOKEN_OK ? 0 :
			 errdetail("reason: %s", token_verdict_reason(verdict)),
			 errhint("%s", hint)));
}

/*
 * Judge the bearer token of a connection, and let it be the identity that the
 * session begins with.  Whether "role" is the user's is for the user map.
 */
static bool
validate_token(const ValidatorModuleState *state, const char *token,
			   const char *role, ValidatorModuleResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "pindah OAuth validation",
												  ALLOCSET_DEFAULT_SIZES);
	TokenReading reading;
	const Refusal *refusal = NULL;
	const char *user = NULL;

	MemoryContextSwitchTo(context);
	verify_token_by_file(token, strlen(token), GetCurrentTimestamp(), &reading);
	if (reading.verdict == TOKEN_OK)
		refusal = check_for_line(&reading, role, &user);
	MemoryContextSwitchTo(caller);

	result->authorized = reading.verdict == TOKEN_OK && refusal == NULL;
	if (result->authorized)
	{
		result->authn_id = pstrdup(user);
		/* Outranks start-up options; RESET and DISCARD ALL come back to it. */
		SetConfigOption("pindah.token", token, PGC_USERSET, PGC_S_OVERRIDE);
	}
	else
		log_refusal(reading.verdict, refusal);
	MemoryContextDelete(context);
	return true;
}

/* The entry that the server looks for in a library that validates tokens. */
const OAuthValidatorCallbacks *
_PG_oauth_validator_module_init(void)
{
	static const OAuthValidatorCallbacks callbacks = {
		.magic = PG_OAUTH_VALIDATOR_MAGIC,
		.validate_cb = validate_token
	};

	return &callbacks;
}

#endif							/* PINDAH_HAS_OAUTH */

static bool
check_user_claim(char **newval, void **extra, GucSource source)
{
	if (**newval != '\0')
		return true;
	GUC_check_errmsg("pindah.oauth_user_claim must name a claim");
	GUC_check_errhint("sub, the default, never passes from one user to another.");
	return false;
}

/* Define the setting of this room. */
void
OAuthValidatorInit(void)
{
	/* Choose what your pg_ident.conf speaks of. */
	DefineCustomStringVariable("pindah.oauth_user_claim",
							   "Claim that an OAuth connection is mapped to a role by.",
							   "Used from PostgreSQL 18 on, with oauth_validator_libraries.",
							   &oauth_user_claim, "sub", PGC_SIGHUP, 0,
							   check_user_claim, NULL, NULL);
}

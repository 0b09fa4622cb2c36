/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The settings that decide how strict verification is.
 *
 * All of them weaken security when they are set carelessly, so only a
 * superuser may.  A leaf: knows no other room.  Only the assign hooks write
 * its state, but session_changes, which every room may count up.
 *
 *-------------------------------------------------------------------------
 */
#include "settings.h"

#include "access/parallel.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

#define DEFAULT_ALGORITHMS \
	"HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,EdDSA,Ed25519"

uint64		session_changes = 1;

static int	clock_skew = 30;
static int	max_token_lifetime = 0;
static int	max_token_size = 16384;
static bool session_identity = true;
static bool require_token = false;
static int	access_token_lifetime = 3600;
static char *algorithms = NULL;
static uint32 allowed_algorithms = 0;	/* bit 1 << CryptoAlgorithm */
static uint64 generation = 1;

/* Seconds by which clocks may differ, as microseconds. */
int64
settings_clock_skew_usec(void)
{
	return (int64) clock_skew * 1000000;
}

/* Microseconds from iat to exp that a token may have, 0 for any. */
int64
settings_max_lifetime_usec(void)
{
	return (int64) max_token_lifetime * 1000000;
}

/* Bytes that a token may have. */
Size
settings_max_token_size(void)
{
	return (Size) max_token_size;
}

/* May an identity outlive the transaction in which it was taken? */
bool
settings_session_identity(void)
{
	return session_identity;
}

/* Seconds for which a token that is issued here is good. */
int
settings_access_token_lifetime(void)
{
	return access_token_lifetime;
}

/* Must there be an identity? */
bool
settings_require_token(void)
{
	return require_token;
}

bool
settings_algorithm_allowed(CryptoAlgorithm algorithm)
{
	return algorithm != ALGORITHM_NONE &&
		(allowed_algorithms & (UINT32_C(1) << algorithm)) != 0;
}

/* Changes whenever a verdict of before may no longer stand. */
uint64
settings_generation(void)
{
	return generation;
}

static void
note_change(void)
{
	generation++;
	session_changes++;
}

static void
assign_number(int newval, void *extra)
{
	note_change();
}

static void
assign_switch(bool newval, void *extra)
{
	session_changes++;
}

/* Turn the list of names into a bit mask. */
static bool
check_algorithms(char **newval, void **extra, GucSource source)
{
	char	   *list = pstrdup(*newval);
	char	   *rest = list;
	char	   *word;
	uint32		mask = 0;
	uint32	   *stored;

	while ((word = strsep(&rest, ", \t\n")) != NULL)
	{
		CryptoAlgorithm algorithm;

		if (*word == '\0')
			continue;
		algorithm = crypto_algorithm_by_name(word);
		if (algorithm == ALGORITHM_NONE)
		{
			GUC_check_errmsg("unknown algorithm in pindah.algorithms");
			GUC_check_errhint("%s", key_verdict_hint(KEY_UNKNOWN_ALGORITHM));
			return false;
		}
		mask |= UINT32_C(1) << algorithm;
	}
	pfree(list);

	stored = guc_extra_alloc(sizeof(uint32));
	if (stored == NULL)
		return false;
	*stored = mask;
	*extra = stored;
	return true;
}

static void
assign_algorithms(const char *newval, void *extra)
{
	allowed_algorithms = *(uint32 *) extra;
	note_change();
}

/* A setting, or its placeholder, as guc.c has it; NULL when there is none. */
const struct config_generic *
settings_find(const char *name)
{
	int			count;
	struct config_generic **variables = all_settings(&count);

	for (int i = 0; i < count; i++)
	{
		if (pg_strcasecmp(variables[i]->name, name) == 0)
			return variables[i];
	}
	return NULL;
}

/*
 * The settings that this transaction has changed, and perhaps others.  The
 * chain of them is found by changing one of ours, which nobody else can change.
 */
struct config_generic **
settings_changed(int *count)
{
#ifdef CHANGED_SETTINGS_ARE_LINKED
	static struct config_generic *mark = NULL;
	struct config_generic **changed;
	int			room = 16;

	if (mark == NULL)
		mark = find_option("pindah.user_id", false, false, ERROR);
	(void) set_config_option(mark->name, "", PGC_INTERNAL, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	changed = palloc(room * sizeof(*changed));
	*count = 0;
	for (struct config_generic *setting = mark; setting != NULL;
		 setting = changed_before(setting))
	{
		if (*count == room)
			changed = repalloc(changed, (room *= 2) * sizeof(*changed));
		changed[(*count)++] = setting;
	}
	return changed;
#else
	return all_settings(count);
#endif
}

/* The placeholder of a setting that is not defined yet, or NULL. */
static const struct config_generic *
find_placeholder(const char *name)
{
	const struct config_generic *setting = settings_find(name);

	return setting == NULL || (setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0 ?
		NULL : setting;
}

/* Was a placeholder last set before this transaction? */
bool
settings_placeholder_outlived_transaction(const char *name)
{
	const struct config_generic *placeholder = find_placeholder(name);

	return placeholder != NULL && placeholder->stack == NULL;
}

/*
 * End a session that has set what only a superuser may.
 *
 * Before the library is loaded anybody can set anything of this name, and it
 * hides what an administrator has attached to the role or the database: once
 * guc.c has thrown the forged value away, the built-in default would count.
 */
static void
refuse_forged_settings(void)
{
	static const char *const names[] = {
		"pindah.clock_skew", "pindah.max_token_lifetime",
		"pindah.max_token_size", "pindah.session_identity",
		"pindah.session_state", "pindah.require_token",
		"pindah.algorithms", "pindah.role_claims", "pindah.cookie_name",
		"pindah.allowed_origins", "pindah.anonymous_requests",
		"pindah.trust_file",
		"pindah.access_token_lifetime", "pindah.key_passphrase_file",
		"pindah.client_address_header", "pindah.throttle_limit",
		"pindah.throttle_window"
	};

	if (IsParallelWorker())
		return;
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		const struct config_generic *placeholder = find_placeholder(names[i]);

		if (placeholder != NULL && placeholder->source != PGC_S_DEFAULT &&
			(placeholder->scontext == PGC_USERSET ||
			 placeholder->scontext == PGC_BACKEND))
			ereport(FATAL,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set parameter \"%s\"", names[i]),
					 errhint("Connect again without setting it.")));
	}
}

/* Define the settings of this room. */
void
SettingsInit(void)
{
	refuse_forged_settings();

	/* Raise it for issuers whose clocks are bad; every second is one more
	 * in which an expired token still counts. */
	DefineCustomIntVariable("pindah.clock_skew",
							"Seconds by which the clock of an issuer may differ from this server's.",
							NULL, &clock_skew, 30, 0, 300, PGC_SUSET, GUC_UNIT_S,
							NULL, assign_number, NULL);

	/* Set it to what your issuers use: a stolen token ends then, and
	 * revocations need not be kept for ever. */
	DefineCustomIntVariable("pindah.max_token_lifetime",
							"Longest time from iat to exp of a token.",
							"Zero sets no limit; otherwise tokens need an iat.",
							&max_token_lifetime, 0, 0, 10 * 366 * SECS_PER_DAY,
							PGC_SUSET, GUC_UNIT_S,
							NULL, assign_number, NULL);

	/* Raise it for tokens with very many permissions. */
	DefineCustomIntVariable("pindah.max_token_size",
							"Largest token that is looked at.",
							NULL, &max_token_size, 16384, 1024, 1024 * 1024,
							PGC_SUSET, GUC_UNIT_BYTE,
							NULL, assign_number, NULL);

	/* Turn it off for the login roles of connection poolers. */
	DefineCustomBoolVariable("pindah.session_identity",
							 "Lets an identity outlive the transaction in which it was taken.",
							 NULL, &session_identity, true, PGC_SUSET, 0,
							 NULL, assign_switch, NULL);

	/* Shorter limits what a stolen token is good for; longer asks less often
	 * for a new one, which is when permissions are read afresh. */
	DefineCustomIntVariable("pindah.access_token_lifetime",
							"Seconds for which a token that is issued here is good.",
							NULL, &access_token_lifetime, 3600, 1, 30 * 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	/* Turn it on for roles that nobody should use without an identity. */
	DefineCustomBoolVariable("pindah.require_token",
							 "Refuses connections, and accessors, that come without an identity.",
							 NULL, &require_token, false, PGC_SUSET, 0,
							 NULL, assign_switch, NULL);

	/* Narrow it to what your issuers use. */
	DefineCustomStringVariable("pindah.algorithms",
							   "Signature algorithms that tokens may name, by their JWA names.",
							   NULL, &algorithms, DEFAULT_ALGORITHMS, PGC_SUSET,
							   GUC_LIST_INPUT,
							   check_algorithms, assign_algorithms, NULL);
}

/*-------------------------------------------------------------------------
 *
 * stored_settings.c
 *	  Would a setting count that is stored for a role or a database?
 *
 * Where the library is not loaded, ALTER ROLE and ALTER DATABASE take every
 * name that begins with "pindah.", and every value.  In the sessions for which
 * they were meant, a wrong one is a warning, which poolers swallow, and does
 * not count.  Here guc.c is asked what it would say, and nothing is set.
 *
 * Only would_take() writes "only_judged".
 *
 *-------------------------------------------------------------------------
 */
#include "stored_settings.h"

#include "fmgr.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/varlena.h"

#define PREFIX	"pindah."

/* As far as a name may be from a known one to be taken for a slip of the pen. */
#define LARGEST_SLIP	3

/* Beyond this a name is no slip of anything. */
#define LONGEST_NAME	60

static bool only_judged = false;

/* Is the value that a check hook sees never set?  Then it warns of nothing. */
bool
setting_is_only_judged(void)
{
	return only_judged;
}

/* Is it one of the library's settings, and no placeholder? */
static bool
is_ours(const struct config_generic *setting)
{
	return pg_strncasecmp(setting->name, PREFIX, strlen(PREFIX)) == 0 &&
		(setting->flags & GUC_CUSTOM_PLACEHOLDER) == 0;
}

/* Would a setting, that may be stored, take the value? */
static bool
would_take(const char *name, const char *value)
{
	int			taken;

	only_judged = true;
	PG_TRY();
	{
		taken = set_config_option(name, value, PGC_SUSET, PGC_S_TEST,
								  GUC_ACTION_SET, false, DEBUG5, false);
	}
	PG_FINALLY();
	{
		only_judged = false;
	}
	PG_END_TRY();
	return taken != 0;
}

/*
 * Why a setting that is stored for a role or a database does not count; NULL
 * if it does.  The words are for sql/advisor_trust.sql.
 */
PG_FUNCTION_INFO_V1(pindah_setting_fault);
Datum
pindah_setting_fault(PG_FUNCTION_ARGS)
{
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *value = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const struct config_generic *setting = settings_find(name);

	if (setting == NULL || !is_ours(setting))
		PG_RETURN_TEXT_P(cstring_to_text("name"));
	if (setting->context != PGC_SUSET && setting->context != PGC_USERSET)
		PG_RETURN_TEXT_P(cstring_to_text("place"));
	if (!would_take(name, value))
		PG_RETURN_TEXT_P(cstring_to_text("value"));
	PG_RETURN_NULL();
}

/*
 * The setting that somebody may have meant; NULL when none is near.  Never a
 * token: that is not to be stored.
 */
PG_FUNCTION_INFO_V1(pindah_nearest_setting);
Datum
pindah_nearest_setting(PG_FUNCTION_ARGS)
{
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			count;
	struct config_generic **variables = all_settings(&count);
	const char *nearest = NULL;
	int			least = LARGEST_SLIP + 1;

	if (strlen(name) > LONGEST_NAME)
		PG_RETURN_NULL();
	for (int i = 0; i < count; i++)
	{
		const char *known = variables[i]->name;
		int			distance;

		if (!is_ours(variables[i]) || variables[i]->context == PGC_INTERNAL ||
			strcmp(known, "pindah.token") == 0)
			continue;
		distance = varstr_levenshtein_less_equal(name, strlen(name),
												 known, strlen(known),
												 1, 1, 1, LARGEST_SLIP, false);
		if (distance < least)
		{
			least = distance;
			nearest = known;
		}
	}
	if (nearest == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(nearest));
}

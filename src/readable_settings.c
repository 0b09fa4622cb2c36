/*-------------------------------------------------------------------------
 *
 * readable_settings.c
 *	  The read-only settings that tell about the identity.
 *
 * pindah.user_id, pindah.organisation_id and so on are PGC_INTERNAL: nothing
 * is ever assigned to them, so nothing can be forged.  Their show hooks read
 * the identity of the moment, and are empty where there is none in force; a
 * show hook never raises.
 *
 *-------------------------------------------------------------------------
 */
#include "readable_settings.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "identity.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* The identity in force, or NULL. */
static const Identity *
shown_identity(void)
{
	if (!IsTransactionState())
		return NULL;
	return identity_look().identity;
}

/* A text of the identity as a C string. */
static const char *
show_text(const text *value)
{
	return value == NULL ? "" : text_to_cstring(value);
}

/* A text[] of the identity as a JSON array. */
static const char *
show_list(ArrayType *array)
{
	StringInfoData json;
	Datum	   *elements;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &count);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, TextDatumGetCString(elements[i]));
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

#define SHOW_TEXT_HOOK(field) \
static const char * \
show_##field(void) \
{ \
	const Identity *identity = shown_identity(); \
\
	return identity == NULL ? "" : show_text(IDENTITY_TEXT(identity, field)); \
}

#define SHOW_LIST_HOOK(field) \
static const char * \
show_##field(void) \
{ \
	const Identity *identity = shown_identity(); \
\
	return identity == NULL ? "" : show_list(IDENTITY_ARRAY(identity, field)); \
}

SHOW_TEXT_HOOK(user_id)
SHOW_TEXT_HOOK(user_name)
SHOW_TEXT_HOOK(email)
SHOW_TEXT_HOOK(organisation)
SHOW_TEXT_HOOK(claims)
SHOW_LIST_HOOK(roles)
SHOW_LIST_HOOK(permissions)

static const char *
show_expires_at(void)
{
	const Identity *identity = shown_identity();

	if (identity == NULL || !identity->has_expiry)
		return "";
	return pstrdup(timestamptz_to_str(identity->expires_at));
}

/* Define one of the settings. */
static void
define(const char *name, const char *description, char **value,
	   GucShowHook show)
{
	DefineCustomStringVariable(name, description, NULL, value, "", PGC_INTERNAL,
							   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, show);
}

/* Define the settings of this room. */
void
ReadableSettingsInit(void)
{
	static char *unused[8];

	define("pindah.user_id", "User id of the identity in force.",
		   &unused[0], show_user_id);
	define("pindah.user_name", "User name of the identity in force.",
		   &unused[1], show_user_name);
	define("pindah.email", "E-mail address of the identity in force.",
		   &unused[2], show_email);
	define("pindah.organisation_id", "Organisation of the identity in force.",
		   &unused[3], show_organisation);
	define("pindah.roles", "Roles of the identity in force, a JSON array.",
		   &unused[4], show_roles);
	define("pindah.permissions", "Permissions of the identity in force, a JSON array.",
		   &unused[5], show_permissions);
	define("pindah.claims", "Claims of the identity in force, as JSON.",
		   &unused[6], show_claims);
	define("pindah.expires_at", "When the identity in force expires.",
		   &unused[7], show_expires_at);
}

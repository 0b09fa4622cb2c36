/*-------------------------------------------------------------------------
 *
 * pindah_auth.c
 *	  Where the server meets the extension: module magic and start-up.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "connection_start.h"
#include "fmgr.h"
#include "http_request.h"
#include "identity.h"
#include "identity_guard.h"
#include "log_redaction.h"
#include "miscadmin.h"
#include "oauth_validator.h"
#include "readable_settings.h"
#include "session_state.h"
#include "settings.h"
#include "signing_keys.h"
#include "throttle.h"
#include "trust_file.h"
#include "trust_stats.h"
#include "trust_tables.h"
#include "utils/guc.h"

PINDAH_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Start each room, those below first. */
void
_PG_init(void)
{
	/* A start that is cancelled half-way could not be repeated. */
	HOLD_INTERRUPTS();
	SettingsInit();
	ThrottleInit();
	TrustStatsInit();
	TrustTablesInit();
	TrustFileInit();
	IdentityInit();
	ReadableSettingsInit();
	SigningKeysInit();
	IdentityGuardInit();
	SessionStateInit();
	ConnectionStartInit();
	LogRedactionInit();
	HttpRequestInit();
	OAuthValidatorInit();
	MarkGUCPrefixReserved("pindah");
	RESUME_INTERRUPTS();
}

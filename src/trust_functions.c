/*-------------------------------------------------------------------------
 *
 * trust_functions.c
 *	  What the SQL of the trust tables needs of C: their trigger, and questions.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "settings.h"
#include "trust.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/*
 * Tell every backend, and every standby, that trust has changed.
 *
 * Plain changes of rows send no relcache invalidation; this does.  It goes
 * out when the transaction commits, and not at all when it is rolled back.
 */
PG_FUNCTION_INFO_V1(pindah_trust_changed);
Datum
pindah_trust_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("pindah_trust_changed() must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}

/* Are tokens of an issuer believed, as far as it is known at all? */
PG_FUNCTION_INFO_V1(pindah_is_trusted);
Datum
pindah_is_trusted(PG_FUNCTION_ARGS)
{
	char	   *issuer = text_to_cstring(PG_GETARG_TEXT_PP(0));

	trust_catch_up();
	PG_RETURN_BOOL(trust_find_issuer(issuer) != NULL);
}

/* The setting pindah.max_token_lifetime, NULL for no limit. */
PG_FUNCTION_INFO_V1(pindah_max_token_lifetime);
Datum
pindah_max_token_lifetime(PG_FUNCTION_ARGS)
{
	Interval   *lifetime = palloc0(sizeof(Interval));

	lifetime->time = settings_max_lifetime_usec();
	if (lifetime->time == 0)
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(lifetime);
}

/*-------------------------------------------------------------------------
 *
 * trust_functions.c
 *	  The trigger of the trust tables.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/rel.h"

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

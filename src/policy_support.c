/*-------------------------------------------------------------------------
 *
 * policy_support.c
 *	  A condition of a policy that the planner leaves where it is.
 *
 * "column = accessor()" makes an equivalence class, and a user who adds
 * "column = expression" puts his own expression into it: the planner may then
 * compare rows with that, and it with the accessor only once.  When the
 * expression changes while the query runs, rows of other tenants pass.
 * pindah.holds(column = accessor()) is no equality to the planner: it is
 * asked for each row that is left.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "fmgr.h"
#include "nodes/supportnodes.h"

/* True only for true. */
PG_FUNCTION_INFO_V1(pindah_holds);
Datum
pindah_holds(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && PG_GETARG_BOOL(0));
}

/*
 * What pindah.holds() asks stands beside it as an equality: it keeps no more
 * rows out.  Said otherwise, the tenant would count twice in the estimates.
 */
PG_FUNCTION_INFO_V1(pindah_holds_support);
Datum
pindah_holds_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);
	((SupportRequestSelectivity *) request)->selectivity = 1.0;
	PG_RETURN_POINTER(request);
}

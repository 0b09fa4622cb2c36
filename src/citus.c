/*-------------------------------------------------------------------------
 *
 * citus.c
 *	  The identity on the other nodes of a Citus cluster.
 *
 * Policies on a distributed table are applied by its workers, in sessions of
 * their own.  With citus.propagate_set_commands = 'local' Citus sends on each
 * SET LOCAL that is run as a statement, but not what set_config() or we do
 * with guc.c directly.  So where Citus is, the statement is run as well; each
 * worker verifies the token by itself.  Without it the workers know nobody,
 * and show no rows.
 *
 * SPI, since Citus listens to statements.  The token has been verified here
 * before: what can still fail is another node, and such an error goes on
 * without its context, to which SPI adds the statement with the token in it.
 *
 *-------------------------------------------------------------------------
 */
#include "citus.h"

#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/*
 * Is Citus in this database?  Its setting is looked for first, since that
 * costs next to nothing; anybody may make one of that name, but not the
 * extension.
 */
bool
citus_is_loaded(void)
{
	return GetConfigOption("citus.propagate_set_commands", true, false) != NULL &&
		OidIsValid(get_extension_oid("citus", true));
}

/* Run the statement that Citus sends on. */
static void
run_set_local(const char *token)
{
	char	   *literal = quote_literal_cstr(token);
	char	   *statement = psprintf("SET LOCAL pindah.token = %s", literal);
	int			outcome;

	SPI_connect();
	outcome = SPI_execute(statement, false, 0);
	SPI_finish();
	if (outcome != SPI_OK_UTILITY)
		elog(ERROR, "SET LOCAL failed: %s", SPI_result_code_string(outcome));
}

/* Take a token on in every node that this transaction reaches. */
void
citus_propagate_token(const char *token)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		run_set_local(token);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		error->context = NULL;
		error->internalquery = NULL;
		ReThrowError(error);
	}
	PG_END_TRY();
}

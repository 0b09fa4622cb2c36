/*-------------------------------------------------------------------------
 *
 * caught_error.h
 *	  Going on after an error that was caught.
 *
 * Raising an error lets interrupts in again, whoever held them.  Here that is
 * _PG_init(), and in PostgreSQL what asks for a setting; so what held them has
 * to be put back, or the count goes below zero with the next release, and
 * nothing can cancel the session any more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CAUGHT_ERROR_H
#define PINDAH_CAUGHT_ERROR_H

#include "miscadmin.h"

/* How things were before PG_TRY(). */
typedef struct CaughtError
{
	MemoryContext context;
	uint32		holdoff;
} CaughtError;

static inline CaughtError
before_error(void)
{
	return (CaughtError) {CurrentMemoryContext, InterruptHoldoffCount};
}

/* Forget the error, in PG_CATCH(): it left nothing that has to be released. */
static inline void
forget_error(const CaughtError *before)
{
	MemoryContextSwitchTo(before->context);
	FlushErrorState();
	InterruptHoldoffCount = before->holdoff;
}

#endif							/* PINDAH_CAUGHT_ERROR_H */

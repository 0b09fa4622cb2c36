/*-------------------------------------------------------------------------
 *
 * revocation.h
 *	  Tokens that were taken back before they expired.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_REVOCATION_H
#define PINDAH_REVOCATION_H

#include "compat.h"

#include "identity_block.h"
#include "verdict.h"

/* What of a token revocations are about; NULL where it has none. */
typedef struct RevocableToken
{
	const char *issuer;
	const char *token_id;
	const char *user_id;
	const char *organisation;
	bool		has_issued_at;
	TimestampTz issued_at;
} RevocableToken;

extern uint64 revocation_generation(void);
extern TokenVerdict revocation_check(const RevocableToken *token);
extern TokenVerdict revocation_check_identity(const Identity *identity);

#endif							/* PINDAH_REVOCATION_H */

/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  Who this session acts for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_IDENTITY_H
#define PINDAH_IDENTITY_H

#include "compat.h"

#include "identity_block.h"
#include "verdict.h"

/* How every message about a refused token begins. */
#define TOKEN_REFUSED	"token refused"

typedef enum IdentitySource
{
	IDENTITY_FROM_NOWHERE,
	IDENTITY_FROM_TOKEN,
	IDENTITY_FROM_ROLE_CLAIMS
} IdentitySource;

/* What is known about the identity at this moment. */
typedef struct IdentityView
{
	IdentitySource source;
	TokenVerdict verdict;		/* not TOKEN_OK: there is one, but not in force */
	const Identity *identity;	/* NULL unless there is one in force */
	bool		ended;			/* the token's transaction is over */
} IdentityView;

extern void IdentityInit(void);
extern IdentityView identity_look(void);
extern const Identity *identity_current(void);
extern TokenVerdict identity_judge_token(const char *token, TimestampTz *expires_at);
extern void identity_set_token(const char *token, bool is_local);
extern TokenVerdict identity_refused_at_start(void);
extern uint64 identity_after_commit(void);
extern bool identity_was_other_than(uint64 fingerprint);
extern void identity_warn_of_early_end(void);
extern void identity_warn_of_return(void);
extern void raise_token_verdict(TokenVerdict verdict, const char *what) PINDAH_NORETURN;

#endif							/* PINDAH_IDENTITY_H */

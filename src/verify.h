/*-------------------------------------------------------------------------
 *
 * verify.h
 *	  From a token to a verdict.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_VERIFY_H
#define PINDAH_VERIFY_H

#include "compat.h"

#include "claims.h"
#include "datatype/timestamp.h"
#include "jws.h"

/*
 * What was read of a token.  Parts that were not reached are NULL; only a
 * token with verdict TOKEN_OK may be believed.
 */
typedef struct TokenReading
{
	TokenVerdict verdict;
	const char *header;			/* JSON text, in the server's encoding */
	const char *payload;
	const char *key_id;			/* of the key that verified it */
	TimestampTz key_ends_at;	/* when that key stops verifying */
	Claims		claims;
} TokenReading;

extern void verify_token(const char *token, size_t len, TimestampTz now,
						 TokenReading *reading);

/*
 * The same by the trust file alone (pindah.trust_file), for code that runs
 * before a database is open: no transaction, no table, no revocation is asked
 * for.  Pass GetCurrentTimestamp().  All texts of "reading" are UTF-8,
 * allocated in the current memory context, but for key_id, which is good
 * until the next token is verified.  Raises nothing but out of memory.
 */
extern void verify_token_by_file(const char *token, size_t len, TimestampTz now,
								 TokenReading *reading);
extern void verify_presented_token(const char *token, size_t len, TimestampTz now,
								   TokenReading *reading);
extern TokenVerdict verify_read_segment(JwsSegment segment, const char **text,
										JsonObject *object);
extern TokenVerdict verify_times(const Claims *claims, TimestampTz now);
extern void verify_catch_up(void);
extern uint64 verify_generation(void);
extern TimestampTz verify_now(void);
extern int64 verify_unix_usec(TimestampTz time);
extern TimestampTz verify_timestamp(int64 unix_usec);

#endif							/* PINDAH_VERIFY_H */

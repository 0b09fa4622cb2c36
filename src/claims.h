/*-------------------------------------------------------------------------
 *
 * claims.h
 *	  What the claims of a JWT (RFC 7519 section 4, ASP.NET's names) mean.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CLAIMS_H
#define PINDAH_CLAIMS_H

#include "compat.h"

#include "json_reader.h"
#include "verdict.h"

/* The claims that may go by several names. */
typedef enum ClaimRole
{
	CLAIM_USER_ID,
	CLAIM_USER_NAME,
	CLAIM_EMAIL,
	CLAIM_ROLES,
	CLAIM_PERMISSIONS,
	CLAIM_ORGANISATION
} ClaimRole;

#define CLAIM_ROLES_COUNT (CLAIM_ORGANISATION + 1)

/* For each, the names to look for, NULL-terminated, in order. */
typedef struct ClaimNames
{
	const char *const *names[CLAIM_ROLES_COUNT];
} ClaimNames;

/* Several strings. */
typedef struct ClaimList
{
	int			count;
	const char **items;
} ClaimList;

/*
 * A NumericDate (RFC 7519 section 2) in microseconds since 1970, rounded up
 * to the next: every instant that it is compared with is whole microseconds,
 * so a comparison with it is exact.
 */
typedef struct ClaimTime
{
	bool		present;
	int64		usec;
} ClaimTime;

typedef struct Claims
{
	const char *issuer;			/* NULL: no iss */
	bool		has_audience;
	ClaimList	audience;
	ClaimTime	expires;
	ClaimTime	not_before;
	ClaimTime	issued_at;
	const char *token_id;		/* jti, or NULL */
	const char *user_id;		/* these four: NULL when absent */
	const char *user_name;
	const char *email;
	const char *organisation;
	ClaimList	roles;
	ClaimList	permissions;
} Claims;

extern const ClaimNames *claims_default_names(void);
extern bool claims_read_map(const char *json, size_t len, int encoding,
							ClaimNames *names);
extern TokenVerdict claims_read_issuer(const JsonObject *payload, Claims *claims);
extern TokenVerdict claims_read(const JsonObject *payload,
								const ClaimNames *names, Claims *claims);
extern TokenVerdict claims_check_required(const Claims *claims);
extern TokenVerdict claims_check_times(const Claims *claims, int64 now_usec,
									   int64 skew_usec);
extern TokenVerdict claims_check_lifetime(const Claims *claims, int64 max_usec);

#endif							/* PINDAH_CLAIMS_H */

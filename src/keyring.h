/*-------------------------------------------------------------------------
 *
 * keyring.h
 *	  Whom this database trusts: issuers and their keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_KEYRING_H
#define PINDAH_KEYRING_H

#include "compat.h"

#include "claims.h"
#include "crypto.h"
#include "jws.h"

typedef struct TrustedKey TrustedKey;

typedef struct TrustedIssuer
{
	const char *issuer;
	bool		has_audience;	/* false: tokens may be for anybody */
	ClaimList	audience;
	bool		has_organisations;	/* false: may speak for all */
	ClaimList	organisations;	/* in order of strcmp */
	const ClaimNames *claim_names;	/* NULL: unreadable, trust nothing */
	int			nkeys;
	TrustedKey *keys;
} TrustedIssuer;

extern const TrustedIssuer *keyring_find_issuer(const char *issuer);
extern TokenVerdict keyring_find_key(const TrustedIssuer *issuer,
									 const JwsHeader *header, CryptoKey **key,
									 const char **key_id);
extern bool keyring_issuer_speaks_for(const TrustedIssuer *issuer,
									  const char *organisation);
extern uint64 keyring_generation(void);
extern CryptoKey *keyring_alloc_key(MemoryContext context);

#endif							/* PINDAH_KEYRING_H */

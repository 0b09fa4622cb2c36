/*-------------------------------------------------------------------------
 *
 * keyring.h
 *	  Issuers and their keys, from whatever source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_KEYRING_H
#define PINDAH_KEYRING_H

#include "compat.h"

#include "claims.h"
#include "crypto.h"
#include "datatype/timestamp.h"
#include "jws.h"
#include "trust_stats.h"

typedef struct Keyring Keyring;

typedef struct TrustedKey
{
	const char *issuer;
	const char *key_id;
	bool		revoked;
	bool		signs;			/* made here, and the active one */
	TimestampTz ends_at;		/* verifies until then; infinity: no end */
	const char *json;			/* what to parse; NULL when "loaded" is set */
	bool		loaded;			/* was parsing tried? */
	CryptoKey  *key;			/* NULL after that: unusable */
	const char *path;			/* the file that it stands in, or NULL */
	int64		changed_at;		/* when that was written, in Unix time */
	uint64		stats;			/* its number there; 0: not known yet */
} TrustedKey;

typedef struct TrustedIssuer
{
	const Keyring *ring;
	const char *issuer;
	bool		has_audience;	/* false: tokens may be for anybody */
	ClaimList	audience;
	bool		has_organisations;	/* false: may speak for all */
	ClaimList	organisations;	/* in order of strcmp */
	const ClaimNames *claim_names;	/* NULL: unreadable, trust nothing */
	int			nkeys;
	TrustedKey *keys;
} TrustedIssuer;

struct Keyring
{
	MemoryContext context;		/* of all that it points at */
	int			encoding;		/* of all its strings */
	KeySource	source;
	int			nissuers;
	TrustedIssuer *issuers;		/* in order of strcmp */
	int			nkeys;
	TrustedKey *keys;			/* in order of issuer and key id */
};

extern Keyring *keyring_create(MemoryContext parent, int encoding,
							   KeySource source);
extern TrustedIssuer *keyring_add_issuer(Keyring *ring, const char *issuer);
extern TrustedKey *keyring_add_key(Keyring *ring, const char *issuer,
								   const char *key_id);
extern void keyring_seal(Keyring *ring);
extern const TrustedIssuer *keyring_find_issuer(const Keyring *ring,
												const char *issuer);
extern TokenVerdict keyring_find_key(const TrustedIssuer *issuer,
									 const JwsHeader *header, TimestampTz now,
									 TrustedKey **key);
extern CryptoKey *keyring_load_key(const Keyring *ring, TrustedKey *key);
extern void keyring_count_use(const TrustedIssuer *issuer, TrustedKey *key,
							  TimestampTz now);
extern bool keyring_issuer_speaks_for(const TrustedIssuer *issuer,
									  const char *organisation);
extern CryptoKey *keyring_alloc_key(MemoryContext context);

#endif							/* PINDAH_KEYRING_H */

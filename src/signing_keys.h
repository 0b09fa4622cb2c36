/*-------------------------------------------------------------------------
 *
 * signing_keys.h
 *	  The keys that were made here: their private parts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_SIGNING_KEYS_H
#define PINDAH_SIGNING_KEYS_H

#include "compat.h"

#include "keyring.h"

extern void SigningKeysInit(void);
extern CryptoKey *signing_key_open(const TrustedIssuer *issuer, TrustedKey *key,
								   bool *missing);

#endif							/* PINDAH_SIGNING_KEYS_H */

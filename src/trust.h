/*-------------------------------------------------------------------------
 *
 * trust.h
 *	  Whom this session trusts at this moment.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TRUST_H
#define PINDAH_TRUST_H

#include "compat.h"

#include "keyring.h"

extern const TrustedIssuer *trust_find_issuer(const char *issuer);
extern int	trust_find_signer(const char *issuer, const TrustedIssuer **found,
							  TrustedKey **key);
extern uint64 trust_generation(void);
extern void trust_catch_up(void);

#endif							/* PINDAH_TRUST_H */

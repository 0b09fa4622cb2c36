/*-------------------------------------------------------------------------
 *
 * trust_file.h
 *	  The trust file of the cluster: the setting pindah.trust_file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TRUST_FILE_H
#define PINDAH_TRUST_FILE_H

#include "compat.h"

#include "keyring.h"

/* What is to be told about the file. */
typedef struct TrustFileStatus
{
	const char *path;			/* NULL: the setting is empty */
	const Keyring *ring;		/* in the server's encoding; NULL: nobody */
	TimestampTz loaded_at;		/* when that was read */
	const char *error;			/* what is wrong with the file now, or NULL */
	TimestampTz error_at;
} TrustFileStatus;

extern void TrustFileInit(void);
extern void trust_file_catch_up(void);
extern void trust_file_catch_up_at(TimestampTz now);
extern uint64 trust_file_generation(void);
extern const TrustedIssuer *trust_file_find_issuer(const char *issuer);
extern const TrustedIssuer *trust_file_find_issuer_utf8(const char *issuer);
extern TrustFileStatus trust_file_status(void);

#endif							/* PINDAH_TRUST_FILE_H */

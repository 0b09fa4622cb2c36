/*-------------------------------------------------------------------------
 *
 * oauth_validator.h
 *	  The OAUTHBEARER door of PostgreSQL 18: the setting that belongs to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_OAUTH_VALIDATOR_H
#define PINDAH_OAUTH_VALIDATOR_H

extern void OAuthValidatorInit(void);

#endif							/* PINDAH_OAUTH_VALIDATOR_H */

/*-------------------------------------------------------------------------
 *
 * weak_secret.h
 *	  HMAC secrets that somebody can guess.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_WEAK_SECRET_H
#define PINDAH_WEAK_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum SecretStrength
{
	SECRET_LOOKS_RANDOM,
	SECRET_LOOKS_WEAK,			/* words, or few different bytes: to be warned of */
	SECRET_IS_KNOWN				/* an example, a sequence, a repetition: refused */
} SecretStrength;

extern SecretStrength weak_secret_judge(const uint8_t *secret, size_t len);

#endif							/* PINDAH_WEAK_SECRET_H */

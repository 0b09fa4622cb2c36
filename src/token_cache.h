/*-------------------------------------------------------------------------
 *
 * token_cache.h
 *	  Tokens that this backend has verified before.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TOKEN_CACHE_H
#define PINDAH_TOKEN_CACHE_H

#include "compat.h"

#include "identity_block.h"

extern const Identity *token_cache_find(const char *token, size_t len,
										TimestampTz now);
extern void token_cache_add(const char *token, size_t len,
							const Identity *identity, uint64 generation,
							uint64 revocations);

#endif							/* PINDAH_TOKEN_CACHE_H */

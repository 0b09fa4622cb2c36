/*-------------------------------------------------------------------------
 *
 * trust_stats.h
 *	  How often keys were used, over all sessions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TRUST_STATS_H
#define PINDAH_TRUST_STATS_H

#include "compat.h"

#include "datatype/timestamp.h"

/* A key among those of a database's tables, or of the trust file. */
typedef enum KeySource
{
	KEY_OF_TABLES,
	KEY_OF_FILE
} KeySource;

extern void TrustStatsInit(void);
extern uint64 trust_stats_key(KeySource source, const char *issuer,
							  const char *key_id);
extern void trust_stats_count(uint64 key, TimestampTz now);
extern bool trust_stats_find(uint64 key, uint64 *uses, TimestampTz *last_used);
extern bool trust_stats_tell_once(uint64 what, uint64 *before);

#endif							/* PINDAH_TRUST_STATS_H */

/*-------------------------------------------------------------------------
 *
 * citus.h
 *	  The identity on the other nodes of a Citus cluster.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CITUS_H
#define PINDAH_CITUS_H

#include "compat.h"

extern bool citus_is_loaded(void);
extern void citus_propagate_token(const char *token);

#endif							/* PINDAH_CITUS_H */

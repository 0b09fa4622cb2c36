/*-------------------------------------------------------------------------
 *
 * connection_start.h
 *	  What a connection must bring along: pindah.require_token.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CONNECTION_START_H
#define PINDAH_CONNECTION_START_H

#include "compat.h"

extern void ConnectionStartInit(void);

#endif							/* PINDAH_CONNECTION_START_H */

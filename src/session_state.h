/*-------------------------------------------------------------------------
 *
 * session_state.h
 *	  What a session keeps, and for whom.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_SESSION_STATE_H
#define PINDAH_SESSION_STATE_H

#include "compat.h"

extern void SessionStateInit(void);

#endif							/* PINDAH_SESSION_STATE_H */

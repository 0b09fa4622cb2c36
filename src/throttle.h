/*-------------------------------------------------------------------------
 *
 * throttle.h
 *	  How many bad tokens an address may present.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_THROTTLE_H
#define PINDAH_THROTTLE_H

#include "compat.h"

extern void ThrottleInit(void);
extern int	throttle_wait(void);
extern void throttle_note_refusal(void);

#endif							/* PINDAH_THROTTLE_H */

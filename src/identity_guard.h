/*-------------------------------------------------------------------------
 *
 * identity_guard.h
 *	  Keeps a running query to the identity that it began under.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_IDENTITY_GUARD_H
#define PINDAH_IDENTITY_GUARD_H

#include "compat.h"

#include "identity_block.h"

extern const Identity *identity_for_query(void);
extern void IdentityGuardInit(void);

#endif							/* PINDAH_IDENTITY_GUARD_H */

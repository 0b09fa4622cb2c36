/*-------------------------------------------------------------------------
 *
 * readable_settings.h
 *	  The read-only settings that tell about the identity.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_READABLE_SETTINGS_H
#define PINDAH_READABLE_SETTINGS_H

#include "compat.h"

extern void ReadableSettingsInit(void);

#endif							/* PINDAH_READABLE_SETTINGS_H */

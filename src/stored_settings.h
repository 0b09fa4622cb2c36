/*-------------------------------------------------------------------------
 *
 * stored_settings.h
 *	  Would a setting count that is stored for a role or a database?
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_STORED_SETTINGS_H
#define PINDAH_STORED_SETTINGS_H

#include "compat.h"

extern bool setting_is_only_judged(void);

#endif							/* PINDAH_STORED_SETTINGS_H */

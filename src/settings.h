/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings that decide how strict verification is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_SETTINGS_H
#define PINDAH_SETTINGS_H

#include "compat.h"

#include "crypto.h"

/*
 * Counts everything that may change an answer about the identity: settings,
 * trust, the identity itself, the end of a transaction.  Answers that are
 * remembered hold while it stands still.
 */
extern uint64 session_changes;

extern void SettingsInit(void);
extern int64 settings_clock_skew_usec(void);
extern int64 settings_max_lifetime_usec(void);
extern Size settings_max_token_size(void);
extern bool settings_session_identity(void);
extern bool settings_require_token(void);
extern int	settings_access_token_lifetime(void);
extern bool settings_algorithm_allowed(CryptoAlgorithm algorithm);
extern uint64 settings_generation(void);
extern const struct config_generic *settings_find(const char *name);
extern struct config_generic **settings_changed(int *count);
extern bool settings_placeholder_outlived_transaction(const char *name);

#endif							/* PINDAH_SETTINGS_H */

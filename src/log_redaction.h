/*-------------------------------------------------------------------------
 *
 * log_redaction.h
 *	  Keeps tokens out of what the server writes down.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_LOG_REDACTION_H
#define PINDAH_LOG_REDACTION_H

#include "compat.h"

extern void LogRedactionInit(void);

#endif							/* PINDAH_LOG_REDACTION_H */

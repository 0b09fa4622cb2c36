/*-------------------------------------------------------------------------
 *
 * json_values.h
 *	  Checked JSON as jsonb and text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_JSON_VALUES_H
#define PINDAH_JSON_VALUES_H

#include "compat.h"

#include "utils/jsonb.h"

extern bool json_try_as_jsonb(const char *json, Datum *result);
extern Datum json_text_as_jsonb(const char *json);
extern Datum claims_as_jsonb(const text *claims);
extern bool jsonb_value_as_text(const JsonbValue *value, Datum *result);

#endif							/* PINDAH_JSON_VALUES_H */

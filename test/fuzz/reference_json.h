/*-------------------------------------------------------------------------
 *
 * reference_json.h
 *	  A second opinion on what JSON the reader must accept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_REFERENCE_JSON_H
#define PINDAH_REFERENCE_JSON_H

#include "json_reader.h"

/*
 * Read the object that the text is.  False when it is none, or breaks a rule
 * of the reader: UTF-8, RFC 8259 syntax, no name twice in one object, depth,
 * exponents.
 */
extern bool reference_read_object(const char *text, size_t len, JsonObject *object);

/* Is it UTF-8 (RFC 3629) without a NUL? */
extern bool reference_is_utf8(const char *text, size_t len);

#endif							/* PINDAH_REFERENCE_JSON_H */

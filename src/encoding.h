/*-------------------------------------------------------------------------
 *
 * encoding.h
 *	  Text, and JSON, in the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_ENCODING_H
#define PINDAH_ENCODING_H

#include "compat.h"

#include "json_reader.h"

extern bool encoding_to_server(char **text, size_t *len);
extern JsonStatus encoding_read_json(const char *json, JsonObject *object);

#endif							/* PINDAH_ENCODING_H */

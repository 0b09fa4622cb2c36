/*-------------------------------------------------------------------------
 *
 * encoding.h
 *	  UTF-8 in the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_ENCODING_H
#define PINDAH_ENCODING_H

#include "compat.h"

extern bool encoding_to_server(char **text, size_t *len);

#endif							/* PINDAH_ENCODING_H */

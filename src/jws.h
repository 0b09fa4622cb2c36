/*-------------------------------------------------------------------------
 *
 * jws.h
 *	  The compact form of a JWS (RFC 7515 section 3.1) and its header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_JWS_H
#define PINDAH_JWS_H

#include "compat.h"

#include "crypto.h"
#include "json_reader.h"

#define JWS_MAX_HEADER_SIZE	4096	/* characters of base64url */
#define JWS_MAX_KEY_ID_SIZE	256 /* bytes */

typedef struct JwsSegment
{
	const char *text;
	size_t		len;
} JwsSegment;

/* A token divided, nothing decoded yet.  Points into the token. */
typedef struct JwsParts
{
	JwsSegment	header;
	JwsSegment	payload;
	JwsSegment	signature;
	JwsSegment	signing_input;	/* header, dot and payload */
} JwsParts;

typedef struct JwsHeader
{
	CryptoAlgorithm algorithm;	/* as the token names it */
	const char *key_id;			/* NULL: none */
} JwsHeader;

/* JWT wants typ and cty checked; a plain JWS may hold anything. */
typedef enum JwsUse
{
	JWS_ANY_PAYLOAD,
	JWS_ACCESS_TOKEN
} JwsUse;

extern TokenVerdict jws_split(const char *token, size_t len, JwsParts *parts);
extern TokenVerdict jws_decode_segment(JwsSegment segment, char **bytes,
									   size_t *len);
extern TokenVerdict jws_read_json(const char *bytes, size_t len, int encoding,
								  JsonObject *object);
extern TokenVerdict jws_check_header(const JsonObject *object, JwsUse use,
									 JwsHeader *header);
extern bool jws_algorithm_fits(CryptoAlgorithm token, CryptoAlgorithm key);
extern bool jws_verify(const JwsParts *parts, CryptoAlgorithm algorithm,
					   CryptoKey *key, const char *signature,
					   size_t signature_len);

#endif							/* PINDAH_JWS_H */

/*-------------------------------------------------------------------------
 *
 * base64url.h
 *	  Strict base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_BASE64URL_H
#define PINDAH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that "len" characters decode to, and characters for "len" bytes. */
#define BASE64URL_DECODED_SIZE(len)		((len) / 4 * 3 + (len) % 4 * 3 / 4)
#define BASE64URL_ENCODED_SIZE(len)		(((len) * 4 + 2) / 3)

extern bool base64url_decode(const char *text, size_t len, uint8_t *out);
extern void base64url_encode(const uint8_t *bytes, size_t len, char *out);

#endif							/* PINDAH_BASE64URL_H */

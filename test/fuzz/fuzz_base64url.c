/*-------------------------------------------------------------------------
 *
 * fuzz_base64url.c
 *	  The decoder takes exactly the texts that the encoder can write.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base64url.h"

void
fuzz_begin(void)
{
}

/* Six bits of a character, or -1; written without looking at the decoder. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Is the text canonical base64url?  The plain reading of RFC 4648, 3.5 and 5. */
static bool
is_canonical(const char *text, size_t len)
{
	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (value_of(text[i]) < 0)
			return false;
	}
	return len % 4 == 0 ||
		value_of(text[len - 1]) % (len % 4 == 2 ? 16 : 4) == 0;
}

/* Read the input as text: decode, and encode again. */
static void
decode(const char *text, size_t len)
{
	size_t		size = BASE64URL_DECODED_SIZE(len);
	uint8_t    *bytes = palloc(size);
	char	   *again;

	if (!base64url_decode(text, len, bytes))
	{
		MUST(!is_canonical(text, len));
		return;
	}
	MUST(is_canonical(text, len));
	MUST(BASE64URL_ENCODED_SIZE(size) == len);
	again = palloc(len);
	base64url_encode(bytes, size, again);
	MUST(memcmp(again, text, len) == 0);
}

/* Read the input as bytes: encode, and decode again. */
static void
encode(const char *bytes, size_t size)
{
	size_t		len = BASE64URL_ENCODED_SIZE(size);
	char	   *text = palloc(len);
	uint8_t    *again = palloc(size);

	base64url_encode((const uint8_t *) bytes, size, text);
	MUST(is_canonical(text, len));
	MUST(BASE64URL_DECODED_SIZE(len) == size);
	MUST(base64url_decode(text, len, again));
	MUST(memcmp(again, bytes, size) == 0);
}

void
fuzz_one(const char *data, size_t len)
{
	decode(data, len);
	encode(data, len);
}

/*-------------------------------------------------------------------------
 *
 * base64url.c
 *	  Strict base64url without padding (RFC 4648 section 5, RFC 7515 section 2).
 *
 * One byte string has exactly one spelling here: no padding, no white space,
 * no "+" or "/", no impossible length, no spare bits that are not zero.  The
 * room allocates nothing, keeps no state and raises nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "base64url.h"

#define BAD 0x80

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of each character, BAD for all others. */
static const uint8_t value_of[256] = {
	[0 ... '-' - 1] = BAD,['-' + 1 ... '0' - 1] = BAD,['9' + 1 ... 'A' - 1] = BAD,
	['Z' + 1 ... '_' - 1] = BAD,['_' + 1 ... 'a' - 1] = BAD,['z' + 1 ... 255] = BAD,
	['A'] = 0,['B'] = 1,['C'] = 2,['D'] = 3,['E'] = 4,['F'] = 5,['G'] = 6,['H'] = 7,
	['I'] = 8,['J'] = 9,['K'] = 10,['L'] = 11,['M'] = 12,['N'] = 13,['O'] = 14,['P'] = 15,
	['Q'] = 16,['R'] = 17,['S'] = 18,['T'] = 19,['U'] = 20,['V'] = 21,['W'] = 22,['X'] = 23,
	['Y'] = 24,['Z'] = 25,['a'] = 26,['b'] = 27,['c'] = 28,['d'] = 29,['e'] = 30,['f'] = 31,
	['g'] = 32,['h'] = 33,['i'] = 34,['j'] = 35,['k'] = 36,['l'] = 37,['m'] = 38,['n'] = 39,
	['o'] = 40,['p'] = 41,['q'] = 42,['r'] = 43,['s'] = 44,['t'] = 45,['u'] = 46,['v'] = 47,
	['w'] = 48,['x'] = 49,['y'] = 50,['z'] = 51,['0'] = 52,['1'] = 53,['2'] = 54,['3'] = 55,
	['4'] = 56,['5'] = 57,['6'] = 58,['7'] = 59,['8'] = 60,['9'] = 61,['-'] = 62,['_'] = 63
};

/*
 * Decode "len" characters into BASE64URL_DECODED_SIZE(len) bytes.
 *
 * False when the text is not the one canonical spelling of some byte string;
 * "out" then holds nothing of use.
 */
bool
base64url_decode(const char *text, size_t len, uint8_t *out)
{
	const uint8_t *in = (const uint8_t *) text;
	size_t		quads = len / 4;
	uint8_t		seen = 0;
	uint8_t		a,
				b,
				c,
				d;

	for (; quads > 0; quads--, in += 4)
	{
		a = value_of[in[0]];
		b = value_of[in[1]];
		c = value_of[in[2]];
		d = value_of[in[3]];
		seen |= a | b | c | d;
		*out++ = (uint8_t) (a << 2 | b >> 4);
		*out++ = (uint8_t) (b << 4 | c >> 2);
		*out++ = (uint8_t) (c << 6 | d);
	}

	switch (len % 4)
	{
		case 0:
			break;
		case 2:
			a = value_of[in[0]];
			b = value_of[in[1]];
			seen |= a | b;
			*out = (uint8_t) (a << 2 | b >> 4);
			if ((b & 0x0F) != 0)
				return false;
			break;
		case 3:
			a = value_of[in[0]];
			b = value_of[in[1]];
			c = value_of[in[2]];
			seen |= a | b | c;
			*out++ = (uint8_t) (a << 2 | b >> 4);
			*out = (uint8_t) (b << 4 | c >> 2);
			if ((c & 0x03) != 0)
				return false;
			break;
		default:
			return false;
	}
	return (seen & BAD) == 0;
}

/* Encode into BASE64URL_ENCODED_SIZE(len) characters, with no final NUL. */
void
base64url_encode(const uint8_t *bytes, size_t len, char *out)
{
	size_t		i;

	for (i = 0; i + 2 < len; i += 3)
	{
		*out++ = alphabet[bytes[i] >> 2];
		*out++ = alphabet[(bytes[i] & 0x03) << 4 | bytes[i + 1] >> 4];
		*out++ = alphabet[(bytes[i + 1] & 0x0F) << 2 | bytes[i + 2] >> 6];
		*out++ = alphabet[bytes[i + 2] & 0x3F];
	}
	if (len - i == 1)
	{
		*out++ = alphabet[bytes[i] >> 2];
		*out++ = alphabet[(bytes[i] & 0x03) << 4];
	}
	else if (len - i == 2)
	{
		*out++ = alphabet[bytes[i] >> 2];
		*out++ = alphabet[(bytes[i] & 0x03) << 4 | bytes[i + 1] >> 4];
		*out++ = alphabet[(bytes[i + 1] & 0x0F) << 2];
	}
}

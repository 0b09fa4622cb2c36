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

#include <string.h>

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * What each character of four contributes to three bytes, the first byte
 * lowest; BAD for all that are not in the alphabet.  Four tables, so that a
 * group costs four look-ups and no shifting: decoding is a good part of
 * verifying a token with an HMAC.
 */
#define BAD UINT32_C(0x80000000)

#define FIRST(v)	((uint32_t) (v) << 2)
#define SECOND(v)	((uint32_t) (v) >> 4 | ((uint32_t) (v) & 0x0F) << 12)
#define THIRD(v)	((uint32_t) (v) >> 2 << 8 | ((uint32_t) (v) & 0x03) << 22)
#define FOURTH(v)	((uint32_t) (v) << 16)

#define TABLE(part) { \
	[0 ... '-' - 1] = BAD,['-' + 1 ... '0' - 1] = BAD,['9' + 1 ... 'A' - 1] = BAD, \
	['Z' + 1 ... '_' - 1] = BAD,['_' + 1 ... 'a' - 1] = BAD,['z' + 1 ... 255] = BAD, \
	['A'] = part(0),['B'] = part(1),['C'] = part(2),['D'] = part(3), \
	['E'] = part(4),['F'] = part(5),['G'] = part(6),['H'] = part(7), \
	['I'] = part(8),['J'] = part(9),['K'] = part(10),['L'] = part(11), \
	['M'] = part(12),['N'] = part(13),['O'] = part(14),['P'] = part(15), \
	['Q'] = part(16),['R'] = part(17),['S'] = part(18),['T'] = part(19), \
	['U'] = part(20),['V'] = part(21),['W'] = part(22),['X'] = part(23), \
	['Y'] = part(24),['Z'] = part(25),['a'] = part(26),['b'] = part(27), \
	['c'] = part(28),['d'] = part(29),['e'] = part(30),['f'] = part(31), \
	['g'] = part(32),['h'] = part(33),['i'] = part(34),['j'] = part(35), \
	['k'] = part(36),['l'] = part(37),['m'] = part(38),['n'] = part(39), \
	['o'] = part(40),['p'] = part(41),['q'] = part(42),['r'] = part(43), \
	['s'] = part(44),['t'] = part(45),['u'] = part(46),['v'] = part(47), \
	['w'] = part(48),['x'] = part(49),['y'] = part(50),['z'] = part(51), \
	['0'] = part(52),['1'] = part(53),['2'] = part(54),['3'] = part(55), \
	['4'] = part(56),['5'] = part(57),['6'] = part(58),['7'] = part(59), \
	['8'] = part(60),['9'] = part(61),['-'] = part(62),['_'] = part(63) \
}

static const uint32_t first_of[256] = TABLE(FIRST);
static const uint32_t second_of[256] = TABLE(SECOND);
static const uint32_t third_of[256] = TABLE(THIRD);
static const uint32_t fourth_of[256] = TABLE(FOURTH);

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
	uint32_t	seen = 0;
	uint32_t	group;

	for (size_t quads = len / 4; quads > 0; quads--, in += 4)
	{
		group = first_of[in[0]] | second_of[in[1]] |
			third_of[in[2]] | fourth_of[in[3]];
		seen |= group;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		if (quads > 1)
		{
			/* One store; the fourth byte belongs to the next group. */
			memcpy(out, &group, sizeof(group));
			out += 3;
			continue;
		}
#endif
		*out++ = (uint8_t) group;
		*out++ = (uint8_t) (group >> 8);
		*out++ = (uint8_t) (group >> 16);
	}

	/* In a shorter group the bits beyond the last byte must be zero. */
	switch (len % 4)
	{
		case 0:
			break;
		case 2:
			group = first_of[in[0]] | second_of[in[1]];
			seen |= group;
			*out = (uint8_t) group;
			if ((group & 0xFF00) != 0)
				return false;
			break;
		case 3:
			group = first_of[in[0]] | second_of[in[1]] | third_of[in[2]];
			seen |= group;
			*out++ = (uint8_t) group;
			*out = (uint8_t) (group >> 8);
			if ((group & 0xFF0000) != 0)
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

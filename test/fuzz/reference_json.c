/*-------------------------------------------------------------------------
 *
 * reference_json.c
 *	  A second opinion on what JSON the reader must accept.
 *
 * Written from RFC 8259 and RFC 3629, slow and plain, sharing no code with
 * PostgreSQL's parser or src/json_reader.c, so that a mistake would have to
 * be made twice.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "reference_json.h"

#define MAX_DEPTH		64
#define MAX_EXPONENT	308

typedef struct Scan
{
	const char *at;
	const char *end;
	int			depth;
} Scan;

static bool scan_value(Scan *scan, JsonMember *value);

bool
reference_is_utf8(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *) text;
	size_t		i = 0;

	while (i < len)
	{
		uint32_t	code = s[i];
		int			more = code < 0x80 ? 0 : code < 0xC2 ? -1 :
			code < 0xE0 ? 1 : code < 0xF0 ? 2 : code < 0xF5 ? 3 : -1;

		if (more < 0 || code == 0 || len - i <= (size_t) more)
			return false;
		if (more > 0)
			code &= 0x3Fu >> more;
		for (i++; more > 0; more--, i++)
		{
			if ((s[i] & 0xC0) != 0x80)
				return false;
			code = code << 6 | (s[i] & 0x3F);
			/* overlong forms of three and four bytes */
			if ((more == 2 && code < 0x20 && s[i - 1] == 0xE0) ||
				(more == 3 && code < 0x10))
				return false;
		}
		if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
			return false;
	}
	return true;
}

static void
skip_space(Scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\0' &&
		   strchr(" \t\r\n", *scan->at) != NULL)
		scan->at++;
}

/* Step over a character, if it is the next one. */
static bool
take(Scan *scan, char c)
{
	if (scan->at >= scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static bool
take_digits(Scan *scan)
{
	const char *first = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > first;
}

/* Step over a word that stands by itself. */
static bool
take_word(Scan *scan, const char *word)
{
	size_t		len = strlen(word);

	if ((size_t) (scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return false;
	scan->at += len;
	return true;
}

static bool
scan_number(Scan *scan)
{
	(void) take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return false;
	if (take(scan, '.') && !take_digits(scan))
		return false;
	if (take(scan, 'e') || take(scan, 'E'))
	{
		const char *digits;
		long		exponent = 0;

		if (!take(scan, '+'))
			(void) take(scan, '-');
		digits = scan->at;
		if (!take_digits(scan))
			return false;
		for (; digits < scan->at && exponent <= MAX_EXPONENT; digits++)
			exponent = exponent * 10 + (*digits - '0');
		if (exponent > MAX_EXPONENT)
			return false;
	}
	return true;
}

/* Four hexadecimal digits, or -1. */
static long
take_code_unit(Scan *scan)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	long		unit = 0;

	for (int i = 0; i < 4; i++, scan->at++)
	{
		const char *found;

		if (scan->at >= scan->end || *scan->at == '\0' ||
			(found = strchr(digits, *scan->at)) == NULL)
			return -1;
		unit = unit * 16 + (found - digits < 16 ? found - digits : found - digits - 6);
	}
	return unit;
}

static char *
put_utf8(char *out, long code)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
	{
		*out++ = (char) (0xC0 | code >> 6);
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	else
	{
		if (code < 0x10000)
			*out++ = (char) (0xE0 | code >> 12);
		else
		{
			*out++ = (char) (0xF0 | code >> 18);
			*out++ = (char) (0x80 | (code >> 12 & 0x3F));
		}
		*out++ = (char) (0x80 | (code >> 6 & 0x3F));
		*out++ = (char) (0x80 | (code & 0x3F));
	}
	return out;
}

/* What stands behind a backslash. */
static bool
scan_escape(Scan *scan, char **out)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (scan->at >= scan->end || *scan->at == '\0')
		return false;
	if (take(scan, 'u'))
	{
		long		code = take_code_unit(scan);

		if (code >= 0xD800 && code <= 0xDBFF)
		{
			long		low = take_word(scan, "\\u") ? take_code_unit(scan) : -1;

			if (low < 0xDC00 || low > 0xDFFF)
				return false;
			code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
		}
		else if (code <= 0 || (code >= 0xDC00 && code <= 0xDFFF))
			return false;
		*out = put_utf8(*out, code);
		return true;
	}
	letter = strchr(letters, *scan->at++);
	if (letter == NULL)
		return false;
	*(*out)++ = meanings[letter - letters];
	return true;
}

/* A string, unescaped, or NULL. */
static char *
scan_string(Scan *scan)
{
	char	   *text;
	char	   *out;

	if (!take(scan, '"'))
		return NULL;
	out = text = palloc((size_t) (scan->end - scan->at) + 1);
	while (scan->at < scan->end)
	{
		if (take(scan, '"'))
		{
			*out = '\0';
			return text;
		}
		if (take(scan, '\\'))
		{
			if (!scan_escape(scan, &out))
				return NULL;
		}
		else if ((unsigned char) *scan->at < 0x20)
			return NULL;
		else
			*out++ = *scan->at++;
	}
	return NULL;
}

/* A copy of what has been stepped over. */
static char *
text_since(const Scan *scan, const char *start)
{
	return pnstrdup(start, (Size) (scan->at - start));
}

/* What stands between braces, name by name. */
static bool
scan_members(Scan *scan, JsonObject *object)
{
	object->nmembers = 0;
	object->members = palloc(sizeof(JsonMember));
	skip_space(scan);
	if (take(scan, '}'))
		return true;
	do
	{
		JsonMember	member = {0};

		skip_space(scan);
		member.name = scan_string(scan);
		if (member.name == NULL)
			return false;
		for (int i = 0; i < object->nmembers; i++)
		{
			if (strcmp(object->members[i].name, member.name) == 0)
				return false;
		}
		skip_space(scan);
		if (!take(scan, ':') || !scan_value(scan, &member))
			return false;
		object->members = repalloc(object->members,
								   (size_t) (object->nmembers + 1) * sizeof(JsonMember));
		object->members[object->nmembers++] = member;
	} while (take(scan, ','));
	return take(scan, '}');
}

/* What stands between brackets; the strings are kept. */
static bool
scan_elements(Scan *scan, JsonMember *array)
{
	array->items = palloc(sizeof(char *));
	array->only_strings = true;
	skip_space(scan);
	if (take(scan, ']'))
		return true;
	do
	{
		JsonMember	element = {0};

		if (!scan_value(scan, &element))
			return false;
		if (element.kind != JSON_KIND_STRING)
			array->only_strings = false;
		else
		{
			array->items = repalloc(array->items,
									(size_t) (array->nitems + 1) * sizeof(char *));
			array->items[array->nitems++] = element.text;
		}
	} while (take(scan, ','));
	return take(scan, ']');
}

/* An object or an array. */
static bool
scan_container(Scan *scan, JsonMember *value)
{
	JsonObject	object;
	bool		good;

	if (++scan->depth > MAX_DEPTH)
		return false;
	if (take(scan, '{'))
	{
		value->kind = JSON_KIND_OBJECT;
		good = scan_members(scan, &object);
	}
	else
	{
		value->kind = JSON_KIND_ARRAY;
		good = take(scan, '[') && scan_elements(scan, value);
	}
	scan->depth--;
	return good;
}

/* Any value with the white space around it. */
static bool
scan_value(Scan *scan, JsonMember *value)
{
	const char *start;
	bool		good = true;

	skip_space(scan);
	start = scan->at;
	if (start >= scan->end)
		return false;
	if (*start == '{' || *start == '[')
		good = scan_container(scan, value);
	else if (*start == '"')
	{
		value->kind = JSON_KIND_STRING;
		value->text = scan_string(scan);
		good = value->text != NULL;
	}
	else if (take_word(scan, "true"))
		value->kind = JSON_KIND_TRUE;
	else if (take_word(scan, "false"))
		value->kind = JSON_KIND_FALSE;
	else if (take_word(scan, "null"))
		value->kind = JSON_KIND_NULL;
	else
	{
		good = scan_number(scan);
		value->kind = JSON_KIND_NUMBER;
		value->text = text_since(scan, start);
	}
	skip_space(scan);
	return good;
}

bool
reference_read_object(const char *text, size_t len, JsonObject *object)
{
	Scan		scan = {text, text + len, 1};

	if (!reference_is_utf8(text, len))
		return false;
	skip_space(&scan);
	if (!take(&scan, '{') || !scan_members(&scan, object))
		return false;
	skip_space(&scan);
	return scan.at == scan.end;
}

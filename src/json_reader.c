/*-------------------------------------------------------------------------
 *
 * json_reader.c
 *	  One JSON object, read strictly, its top-level members as plain values.
 *
 * RFC 8259, and refused besides what it leaves open and attackers use: a
 * member name twice in one object at any depth (compared after unescaping),
 * nesting too deep, numbers of absurd size.  Not through jsonb, which keeps
 * the last of two equal names silently and rewrites numbers.
 *
 * Why the grammar is here and not PostgreSQL's pg_parse_json(): that one looks
 * at a string a character at a time and allocates each piece, which made it a
 * third of the time of verifying an HS256 token.  What is hard about JSON is
 * left to PostgreSQL: encodings, escapes, and what a number is.  Here are only
 * brackets, commas and quotes; test/fuzz compares the outcome with a reader
 * that was written separately.
 *
 * The first problem ends the reading.  Results are palloc'd in the current
 * context, and but for JsonMember.value point into nothing of the caller's.
 * Also compiled outside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "json_reader.h"

#include <unistd.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"

/* A member name of one object of the document, for finding it twice. */
typedef struct SeenName
{
	const char *name;			/* NULL: free slot; not NUL-terminated */
	uint32		len;
	uint32		object;			/* serial number of the object */
	uint32		hash;
} SeenName;

/* So many names are compared each with each; for more there is a table. */
#define FEW_NAMES	16

typedef struct Reader
{
	const char *text;
	const char *at;				/* what is read next */
	const char *end;
	int			encoding;
	int			depth;
	JsonLexContext *lexer;		/* for strings with escapes; NULL until then */
	char	   *copy;			/* of the text; strings are ended in there */

	uint32		objects;		/* serial of the last object opened */
	uint32		nnames;
	SeenName	few_names[FEW_NAMES];
	SeenName   *slots;			/* open addressing; NULL while names are few */
	uint32		nslots;			/* a power of two */

	JsonObject *object;
	int			space;			/* allocated members */
	int			item_space;		/* allocated items of the last member */
} Reader;

static JsonStatus read_value(Reader *reader);

/*
 * Names
 */

static inline bool
same_name(const SeenName *a, const SeenName *b)
{
	return a->len == b->len && a->object == b->object &&
		memcmp(a->name, b->name, a->len) == 0;
}

/* Find the slot of a name, or the free one where it belongs. */
static SeenName *
find_slot(SeenName *slots, uint32 nslots, const SeenName *wanted)
{
	uint32		i = wanted->hash & (nslots - 1);

	while (slots[i].name != NULL &&
		   !(slots[i].hash == wanted->hash && same_name(&slots[i], wanted)))
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

/* Give a name its hash. */
static void
hash_name(SeenName *seen)
{
	/* The seed varies by process, so that nobody can prepare collisions. */
	static uint64 seed = 0;

	if (seed == 0)
		seed = ((uint64) (uintptr_t) seen ^ (uint64) getpid() * UINT64CONST(0x9E3779B97F4A7C15)) | 1;
	seen->hash = (uint32) hash_bytes_extended((const unsigned char *) seen->name,
											  (int) seen->len, seed + seen->object);
}

/* Make a table of the names, or double it. */
static void
grow_table(Reader *reader)
{
	uint32		nslots = reader->slots == NULL ? 4 * FEW_NAMES : reader->nslots * 2;
	uint32		nold = reader->slots == NULL ? reader->nnames : reader->nslots;
	SeenName   *old = reader->slots == NULL ? reader->few_names : reader->slots;
	SeenName   *slots = palloc0(nslots * sizeof(SeenName));

	for (uint32 i = 0; i < nold; i++)
	{
		if (old[i].name == NULL)
			continue;
		if (reader->slots == NULL)
			hash_name(&old[i]);
		*find_slot(slots, nslots, &old[i]) = old[i];
	}
	if (reader->slots != NULL)
		pfree(reader->slots);
	reader->slots = slots;
	reader->nslots = nslots;
}

/* Remember a member name of an object; false if it was there. */
static bool
remember_name(Reader *reader, uint32 object, const char *name, size_t len)
{
	SeenName	seen = {name, (uint32) len, object, 0};
	SeenName   *slot;

	if (reader->slots == NULL)
	{
		for (uint32 i = 0; i < reader->nnames; i++)
		{
			if (same_name(&reader->few_names[i], &seen))
				return false;
		}
		if (reader->nnames < FEW_NAMES)
		{
			reader->few_names[reader->nnames++] = seen;
			return true;
		}
		grow_table(reader);
	}
	hash_name(&seen);
	slot = find_slot(reader->slots, reader->nslots, &seen);
	if (slot->name != NULL)
		return false;
	*slot = seen;
	if (++reader->nnames * 2 > reader->nslots)
		grow_table(reader);
	return true;
}

/*
 * Tokens
 */

static inline void
skip_space(Reader *reader)
{
	while (reader->at < reader->end &&
		   (*reader->at == ' ' || *reader->at == '\t' ||
			*reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

/* Is this character next, white space aside?  Then pass it. */
static inline bool
take(Reader *reader, char c)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

/*
 * A piece of the text as a string: in the copy, with a NUL over the quote or
 * whatever else stands behind it.
 */
static char *
keep(Reader *reader, const char *start, size_t len)
{
	char	   *string = reader->copy + (start - reader->text);

	string[len] = '\0';
	return string;
}

/* The first quote, backslash or control character, or the end. */
static const char *
skip_plain(const char *p, const char *end)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);

	/*
	 * Eight at a time: (w - ones * n) & ~w has the top bit of a byte set when
	 * the byte is less than n, and but for bytes above such a one only then;
	 * so the lowest bit tells the truth.
	 */
	while (end - p >= 8)
	{
		uint64		word;
		uint64		quote;
		uint64		backslash;
		uint64		found;

		memcpy(&word, p, 8);
		quote = word ^ ones * '"';
		backslash = word ^ ones * '\\';
		found = (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
				 ((word - ones * 0x20) & ~word)) & ones * 0x80;
#ifdef WORDS_BIGENDIAN
		if (found != 0)
			break;
#else
		if (found != 0)
			return p + pg_rightmost_one_pos64(found) / 8;
#endif
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= 0x20)
		p++;
	return p;
}

/*
 * Have PostgreSQL's lexer read the string that begins here.  It goes on from
 * the end of its last token, so that is what it is told to be here.
 */
static JsonStatus
read_escaped(Reader *reader, const char **string, size_t *len)
{
	const char *start = reader->at;

	if (reader->lexer == NULL)
		reader->lexer = make_json_lexer(reader->text, reader->end - reader->text,
										reader->encoding, true);
	reader->lexer->token_terminator = (char *) start;
	if (json_lex(reader->lexer) != JSON_SUCCESS ||
		reader->lexer->token_type != JSON_TOKEN_STRING)
		return JSON_READ_SYNTAX;
	reader->at = reader->lexer->token_terminator;
	*len = (size_t) reader->lexer->strval->len;

	/* Every escape is longer than what it stands for, so there is room. */
	if (*len > (size_t) (reader->at - start) - 2)
		return JSON_READ_SYNTAX;
	*string = memcpy(keep(reader, start + 1, *len),
					 reader->lexer->strval->data, *len);
	return JSON_READ_OK;
}

/*
 * Read the string that begins here.  It stays where it is in the text, unless
 * it has escapes or is wanted as one that is "kept", with a NUL.
 */
static JsonStatus
read_string(Reader *reader, bool kept, const char **string, size_t *len)
{
	const char *start = reader->at + 1;
	const char *end = skip_plain(start, reader->end);

	if (end == reader->end)
		return JSON_READ_SYNTAX;
	if (*end == '\\')
		return read_escaped(reader, string, len);
	if (*end != '"')
		return JSON_READ_SYNTAX;
	*len = (size_t) (end - start);
	*string = kept ? keep(reader, start, *len) : start;
	reader->at = end + 1;
	return JSON_READ_OK;
}

/* Is the exponent of a JSON number, if it has one, within bounds? */
static bool
exponent_in_range(const char *number)
{
	const char *p = strpbrk(number, "eE");
	int			exponent = 0;

	if (p == NULL)
		return true;
	p++;
	if (*p == '+' || *p == '-')
		p++;
	for (; *p != '\0'; p++)
	{
		exponent = exponent * 10 + (*p - '0');
		if (exponent > JSON_MAX_EXPONENT)
			return false;
	}
	return true;
}

/* Read the number that begins here. */
static JsonStatus
read_number(Reader *reader, const char **number)
{
	const char *start = reader->at;
	size_t		len;

	while (reader->at < reader->end &&
		   ((*reader->at >= '0' && *reader->at <= '9') || *reader->at == '-' ||
			*reader->at == '+' || *reader->at == '.' ||
			*reader->at == 'e' || *reader->at == 'E'))
		reader->at++;
	len = (size_t) (reader->at - start);
	if (!IsValidJsonNumber(start, (int) len))
		return JSON_READ_SYNTAX;
	*number = keep(reader, start, len);
	return exponent_in_range(*number) ? JSON_READ_OK : JSON_READ_NUMBER_RANGE;
}

/* Is this word next?  Then pass it. */
static bool
take_word(Reader *reader, const char *word, size_t len)
{
	if ((size_t) (reader->end - reader->at) < len ||
		memcmp(reader->at, word, len) != 0)
		return false;
	reader->at += len;
	return true;
}

/*
 * What is handed back
 */

/* The bit of JsonObject.names that stands for a name, and for others. */
static inline uint64
name_bit(const char *name, size_t len)
{
	return UINT64CONST(1) << (((unsigned char) name[0] + len * 5) & 63);
}

/* Add a member to the object that is handed back. */
static JsonMember *
add_member(Reader *reader, const char *name, size_t len)
{
	JsonObject *object = reader->object;
	JsonMember *member;

	if (object->nmembers == reader->space)
	{
		reader->space = reader->space == 0 ? 16 : reader->space * 2;
		if (object->members == NULL)
			object->members = palloc(reader->space * sizeof(JsonMember));
		else
			object->members = repalloc(object->members,
									   reader->space * sizeof(JsonMember));
	}
	member = &object->members[object->nmembers++];
	memset(member, 0, sizeof(JsonMember));
	member->name = name;
	member->name_len = len;
	object->names |= name_bit(name, len);
	reader->item_space = 0;
	return member;
}

/* Add a string to the array that is the last member. */
static void
add_item(Reader *reader, JsonMember *member, const char *text)
{
	if (member->nitems == reader->item_space)
	{
		reader->item_space = reader->item_space == 0 ? 16 : reader->item_space * 2;
		if (member->items == NULL)
			member->items = palloc(reader->item_space * sizeof(char *));
		else
			member->items = repalloc(member->items,
									 reader->item_space * sizeof(char *));
	}
	member->items[member->nitems++] = text;
}

/* Note what a value is, if it is one of those that are handed back. */
static void
note_value(Reader *reader, JsonKind kind, const char *text)
{
	JsonMember *member;

	if (reader->depth == 0 || reader->depth > 2)
		return;
	member = &reader->object->members[reader->object->nmembers - 1];
	if (reader->depth == 1)
	{
		member->kind = kind;
		member->text = text;
		member->only_strings = kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT;
	}
	else if (kind == JSON_KIND_STRING && member->kind == JSON_KIND_ARRAY)
		add_item(reader, member, text);
	else
		member->only_strings = false;
}

/* Note where the value of the last member stands, which was just read. */
static void
note_text(Reader *reader, const char *value)
{
	JsonMember *member = &reader->object->members[reader->object->nmembers - 1];

	member->value = value;
	member->value_len = (size_t) (reader->at - value);
}

/*
 * Grammar
 */

/* Read the object that begins here. */
static JsonStatus
read_object(Reader *reader)
{
	uint32		object = ++reader->objects;
	bool		kept = reader->depth == 1;

	reader->at++;
	if (take(reader, '}'))
		return JSON_READ_OK;
	do
	{
		const char *name;
		const char *value;
		size_t		len;
		JsonStatus	status;

		skip_space(reader);
		if (reader->at == reader->end || *reader->at != '"')
			return JSON_READ_SYNTAX;
		status = read_string(reader, kept, &name, &len);
		if (status != JSON_READ_OK)
			return status;
		if (!take(reader, ':'))
			return JSON_READ_SYNTAX;
		if (!remember_name(reader, object, name, len))
			return JSON_READ_DUPLICATE;
		if (kept)
			add_member(reader, name, len);
		skip_space(reader);
		value = reader->at;
		status = read_value(reader);
		if (status != JSON_READ_OK)
			return status;
		if (kept)
			note_text(reader, value);
	} while (take(reader, ','));
	return take(reader, '}') ? JSON_READ_OK : JSON_READ_SYNTAX;
}

/* Read the array that begins here. */
static JsonStatus
read_array(Reader *reader)
{
	reader->at++;
	if (take(reader, ']'))
		return JSON_READ_OK;
	do
	{
		JsonStatus	status = read_value(reader);

		if (status != JSON_READ_OK)
			return status;
	} while (take(reader, ','));
	return take(reader, ']') ? JSON_READ_OK : JSON_READ_SYNTAX;
}

/* Read the object or array that begins here, one level down. */
static JsonStatus
read_container(Reader *reader, JsonKind kind)
{
	JsonStatus	status;

	if (reader->depth == 0 && kind != JSON_KIND_OBJECT)
		return JSON_READ_NOT_OBJECT;
	if (reader->depth >= JSON_MAX_DEPTH)
		return JSON_READ_TOO_DEEP;
	note_value(reader, kind, NULL);
	reader->depth++;
	status = kind == JSON_KIND_OBJECT ? read_object(reader) : read_array(reader);
	reader->depth--;
	return status;
}

/* Read a value; recursion ends at JSON_MAX_DEPTH. */
static JsonStatus
read_value(Reader *reader)
{
	const char *text = NULL;
	size_t		len;
	JsonKind	kind = JSON_KIND_NULL;
	JsonStatus	status = JSON_READ_OK;

	skip_space(reader);
	if (reader->at == reader->end)
		return JSON_READ_SYNTAX;
	if (*reader->at == '"')
	{
		kind = JSON_KIND_STRING;
		status = read_string(reader, reader->depth <= 2, &text, &len);
	}
	else if (*reader->at == '{')
		return read_container(reader, JSON_KIND_OBJECT);
	else if (*reader->at == '[')
		return read_container(reader, JSON_KIND_ARRAY);
	else if (take_word(reader, "true", 4))
		kind = JSON_KIND_TRUE;
	else if (take_word(reader, "false", 5))
		kind = JSON_KIND_FALSE;
	else if (!take_word(reader, "null", 4))
	{
		kind = JSON_KIND_NUMBER;
		status = read_number(reader, &text);
	}

	if (status == JSON_READ_OK && reader->depth == 0)
		return JSON_READ_NOT_OBJECT;
	if (status == JSON_READ_OK)
		note_value(reader, kind, text);
	return status;
}

/*
 * Is the text nothing but ASCII without NUL?  Most is, and then needs no
 * slower look at its encoding.
 */
static bool
is_ascii(const char *text, size_t len)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	uint64		seen = 0;
	size_t		i = 0;

	/* The top bit of a byte is set when the byte has it, or is zero. */
	for (; len - i >= 8; i += 8)
	{
		uint64		word;

		memcpy(&word, text + i, 8);
		seen |= word | (word - ones);
	}
	for (; i < len; i++)
		seen |= (uint8) text[i] | (uint8) (text[i] - 1);
	return (seen & ones * 0x80) == 0;
}

/*
 * Read one JSON object.
 *
 * "encoding" is that of the text, and must be the server's when this runs in
 * a server.  On anything but JSON_READ_OK "object" is of no use.
 */
JsonStatus
json_read_object(const char *text, size_t len, int encoding, JsonObject *object)
{
	Reader		reader;
	JsonStatus	status;

	object->nmembers = 0;
	object->members = NULL;
	object->names = 0;
	if (len > PG_INT32_MAX)
		return JSON_READ_SYNTAX;
	if (!is_ascii(text, len) &&
		pg_encoding_verifymbstr(encoding, text, (int) len) != (int) len)
		return JSON_READ_BAD_UTF8;

	memset(&reader, 0, offsetof(Reader, few_names));
	reader.text = reader.at = text;
	reader.end = text + len;
	reader.encoding = encoding;
	reader.copy = palloc(len + 1);
	memcpy(reader.copy, text, len);
	reader.slots = NULL;
	reader.nslots = 0;
	reader.object = object;
	reader.space = 0;
	reader.item_space = 0;

	status = read_value(&reader);
	skip_space(&reader);
	if (status == JSON_READ_OK && reader.at != reader.end)
		status = JSON_READ_SYNTAX;
	return status;
}

/* The member of that name, or NULL. */
const JsonMember *
json_member(const JsonObject *object, const char *name)
{
	size_t		len = strlen(name);

	/* Of the many names that a claim can have, most are not there. */
	if ((object->names & name_bit(name, len)) == 0)
		return NULL;
	for (int i = 0; i < object->nmembers; i++)
	{
		const JsonMember *member = &object->members[i];

		if (member->name_len == len && memcmp(member->name, name, len) == 0)
			return member;
	}
	return NULL;
}

/* The comma or bracket behind the value that begins here, in sound JSON. */
static const char *
skip_value(const char *p, const char *end)
{
	int			depth = 0;

	for (; p < end; p++)
	{
		if (*p == '"')
		{
			for (p++; p < end && *p != '"'; p++)
			{
				if (*p == '\\')
					p++;
			}
		}
		else if (*p == '[' || *p == '{')
			depth++;
		else if ((*p == ']' || *p == '}') && depth-- == 0)
			break;
		else if (*p == ',' && depth == 0)
			break;
	}
	return p;
}

/*
 * The next element of an array, as it is written; "at", NULL at first, says
 * where to go on.  The text that was read must still be there.
 */
bool
json_next_element(const JsonMember *array, const char **at,
				  const char **element, size_t *len)
{
	const char *end = array->value + array->value_len - 1;
	const char *p = *at == NULL ? array->value + 1 : *at;

	if (p < end && *at != NULL)
		p++;					/* the comma */
	p += strspn(p, " \t\n\r");
	if (p >= end)
		return false;
	*element = p;
	*at = skip_value(p, end);
	*len = (size_t) (*at - p);
	return true;
}

/* Four hexadecimal digits as a number, or -1. */
static int
read_hex(const char *p, const char *end)
{
	int			number = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		const char *digit = p[i] == '\0' ? NULL :
			strchr("0123456789abcdef", pg_ascii_tolower((unsigned char) p[i]));

		if (digit == NULL)
			return -1;
		number = number * 16 + (int) (digit - "0123456789abcdef");
	}
	return number;
}

/*
 * The character, not ASCII, that an escape stands for, with the escape's
 * length; 0 for any other escape and for one that is not sound.
 */
static pg_wchar
read_unicode_escape(const char *p, const char *end, int *len)
{
	int			first = end - p < 2 || p[1] != 'u' ? -1 : read_hex(p + 2, end);
	int			second;

	*len = 6;
	if (first < 0x80 || is_utf16_surrogate_second((pg_wchar) first))
		return 0;
	if (!is_utf16_surrogate_first((pg_wchar) first))
		return (pg_wchar) first;
	*len = 12;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return 0;
	second = read_hex(p + 8, end);
	if (second < 0 || !is_utf16_surrogate_second((pg_wchar) second))
		return 0;
	return surrogate_pair_to_codepoint((pg_wchar) first, (pg_wchar) second);
}

/*
 * A copy of a JSON text in UTF-8 without the escapes of characters that are
 * not ASCII.  A server whose encoding is another would convert those, or
 * raise an error; without them any text in UTF-8 can be read anywhere, before
 * a database is open too.
 */
char *
json_expand_escapes(const char *text, size_t len, size_t *expanded_len)
{
	char	   *copy = palloc(len + 1);
	char	   *to = copy;
	const char *end = text + len;

	for (const char *p = text; p < end;)
	{
		int			escape_len;
		pg_wchar	c = *p == '\\' ? read_unicode_escape(p, end, &escape_len) : 0;

		if (c != 0)
		{
			unicode_to_utf8(c, (unsigned char *) to);
			to += pg_utf_mblen((unsigned char *) to);
			p += escape_len;
			continue;
		}
		if (*p == '\\' && end - p > 1)
			*to++ = *p++;
		*to++ = *p++;
	}
	*to = '\0';
	*expanded_len = (size_t) (to - copy);
	return copy;
}

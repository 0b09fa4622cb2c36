/*-------------------------------------------------------------------------
 *
 * json_reader.c
 *	  One JSON object, read strictly, its top-level members as plain values.
 *
 * PostgreSQL's own parser (common/jsonapi.h) does the syntax; its callbacks
 * here refuse what JSON leaves open and attackers use: a member name twice in
 * one object at any depth (compared after unescaping), nesting too deep,
 * numbers of absurd size.  Not through jsonb, which keeps the last of two
 * equal names silently and rewrites numbers.
 *
 * The parser's error texts quote the document, so they are never asked for.
 * The callbacks cannot stop the parser before version 16: after the first
 * refusal they do nothing.  Results are palloc'd in the current context, and
 * may point into nothing of the caller's.  Also compiled outside the server.
 *
 * The parser takes most of its time for unescaping, a character at a time.  A
 * text without any backslash, which is nearly every token, has nothing to
 * unescape: the parser is then told not to, gives no strings to the callbacks,
 * and they take them from the text, between the ends of tokens that it notes.
 *
 *-------------------------------------------------------------------------
 */
#include "json_reader.h"

#include <unistd.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* A member name of one object of the document, for finding it twice. */
typedef struct SeenName
{
	const char *name;			/* NULL: free slot; not NUL-terminated */
	uint32		len;
	uint32		object;			/* serial number of the object */
	uint32		hash;
} SeenName;

#define FIRST_SLOTS 64

typedef struct Reader
{
	JsonStatus	status;
	JsonLexContext *lexer;
	char	   *strings;		/* room for all strings of the text; or NULL:
								 * the parser makes them */
	const char *name_from;		/* behind it comes the next member name */
	const char *value;			/* where the last value begins */
	int			depth;
	uint32		objects;		/* serial of the last object opened */
	uint32		open_objects[JSON_MAX_DEPTH + 1];	/* 0: an array */

	SeenName   *slots;			/* open addressing, a power of two */
	uint32		nslots;
	uint32		nnames;
	SeenName	first_slots[FIRST_SLOTS];

	JsonObject *object;
	int			space;			/* allocated members */
	int			item_space;		/* allocated items of the last member */
} Reader;

/* Find the slot of a name, or the free one where it belongs. */
static SeenName *
find_slot(SeenName *slots, uint32 nslots, const SeenName *wanted)
{
	uint32		i = wanted->hash & (nslots - 1);

	while (slots[i].name != NULL &&
		   !(slots[i].hash == wanted->hash &&
			 slots[i].object == wanted->object &&
			 slots[i].len == wanted->len &&
			 memcmp(slots[i].name, wanted->name, wanted->len) == 0))
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

/* Double the table of names. */
static void
grow_slots(Reader *reader)
{
	uint32		nslots = reader->nslots * 2;
	SeenName   *slots = palloc0(nslots * sizeof(SeenName));

	for (uint32 i = 0; i < reader->nslots; i++)
	{
		SeenName   *old = &reader->slots[i];

		if (old->name != NULL)
			*find_slot(slots, nslots, old) = *old;
	}
	if (reader->slots != reader->first_slots)
		pfree(reader->slots);
	reader->slots = slots;
	reader->nslots = nslots;
}

/* Remember a member name of the innermost object; false if it was there. */
static bool
remember_name(Reader *reader, const char *name, uint32 len)
{
	/* The seed varies by process, so that nobody can prepare collisions. */
	static uint64 seed = 0;
	SeenName	seen = {name, len, reader->open_objects[reader->depth], 0};
	SeenName   *slot;

	if (seed == 0)
		seed = ((uint64) (uintptr_t) reader ^ (uint64) getpid() * UINT64CONST(0x9E3779B97F4A7C15)) | 1;
	seen.hash = (uint32) hash_bytes_extended((const unsigned char *) name,
											 (int) len, seed + seen.object);
	slot = find_slot(reader->slots, reader->nslots, &seen);
	if (slot->name != NULL)
		return false;
	*slot = seen;
	if (++reader->nnames * 2 > reader->nslots)
		grow_slots(reader);
	return true;
}

/* Copy a string of the text to the room for strings. */
static char *
keep_string(Reader *reader, const char *start, size_t len)
{
	char	   *copy = reader->strings;

	/* With its quotes it took more in the text than with a NUL here. */
	memcpy(copy, start, len);
	copy[len] = '\0';
	reader->strings += len + 1;
	return copy;
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

/* Add a member to the object that is handed back. */
static void
add_member(Reader *reader, const char *name)
{
	JsonObject *object = reader->object;

	if (object->nmembers == reader->space)
	{
		reader->space = reader->space == 0 ? 16 : reader->space * 2;
		if (object->members == NULL)
			object->members = palloc(reader->space * sizeof(JsonMember));
		else
			object->members = repalloc(object->members,
									   reader->space * sizeof(JsonMember));
	}
	memset(&object->members[object->nmembers], 0, sizeof(JsonMember));
	object->members[object->nmembers++].name = name;
	reader->item_space = 0;
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

/* The member that is being read; the document has begun with an object. */
static JsonMember *
last_member(Reader *reader)
{
	return &reader->object->members[reader->object->nmembers - 1];
}

/* Note the kind of a container that opens, and go one level down. */
static void
open_container(Reader *reader, JsonKind kind)
{
	if (reader->depth == 0 && kind != JSON_KIND_OBJECT)
		reader->status = JSON_READ_NOT_OBJECT;
	else if (reader->depth >= JSON_MAX_DEPTH)
		reader->status = JSON_READ_TOO_DEEP;
	if (reader->status != JSON_READ_OK)
		return;

	if (reader->depth == 1)
	{
		last_member(reader)->kind = kind;
		last_member(reader)->only_strings = true;
	}
	else if (reader->depth == 2)
		last_member(reader)->only_strings = false;
	reader->depth++;
	reader->open_objects[reader->depth] =
		kind == JSON_KIND_OBJECT ? ++reader->objects : 0;
}

static JSON_ACTION_TYPE
on_object_start(void *state)
{
	Reader	   *reader = state;

	if (reader->status == JSON_READ_OK)
		open_container(reader, JSON_KIND_OBJECT);
	reader->name_from = reader->lexer->token_start;
	JSON_ACTION_DONE;
}

static JSON_ACTION_TYPE
on_array_start(void *state)
{
	Reader	   *reader = state;

	if (reader->status == JSON_READ_OK)
		open_container(reader, JSON_KIND_ARRAY);
	JSON_ACTION_DONE;
}

static JSON_ACTION_TYPE
on_container_end(void *state)
{
	Reader	   *reader = state;

	if (reader->status == JSON_READ_OK)
		reader->depth--;
	JSON_ACTION_DONE;
}

/*
 * Find the member name that the parser has just passed, with its colon, in a
 * text without escapes: the quotes nearest to what comes before and behind it.
 */
static const char *
find_name(Reader *reader, size_t *len)
{
	const char *start = reader->name_from;
	const char *end = reader->lexer->prev_token_terminator - 1;

	while (*start != '"')
		start++;
	while (*end != '"')
		end--;
	*len = (size_t) (end - start) - 1;
	return start + 1;
}

static JSON_ACTION_TYPE
on_field_start(void *state, char *name, bool isnull)
{
	Reader	   *reader = state;
	const char *found = name;
	size_t		len;

	reader->value = reader->lexer->token_start;
	if (reader->status != JSON_READ_OK)
		JSON_ACTION_DONE;
	if (reader->strings == NULL)
		len = strlen(name);
	else
		found = find_name(reader, &len);

	if (!remember_name(reader, found, (uint32) len))
		reader->status = JSON_READ_DUPLICATE;
	else if (reader->depth == 1)
		add_member(reader, reader->strings == NULL ? name :
				   keep_string(reader, found, len));
	JSON_ACTION_DONE;
}

/* The name of the next member, if there is one, is behind the comma of now. */
static JSON_ACTION_TYPE
on_field_end(void *state, char *name, bool isnull)
{
	Reader	   *reader = state;

	reader->name_from = reader->lexer->token_start;
	JSON_ACTION_DONE;
}

static JSON_ACTION_TYPE
on_element_start(void *state, bool isnull)
{
	Reader	   *reader = state;

	reader->value = reader->lexer->token_start;
	JSON_ACTION_DONE;
}

/* The string that the parser has just passed. */
static const char *
last_string(Reader *reader, const char *token)
{
	const char *end = reader->lexer->prev_token_terminator;

	if (reader->strings == NULL)
		return token;
	return keep_string(reader, reader->value + 1, (size_t) (end - reader->value) - 2);
}

static JSON_ACTION_TYPE
on_scalar(void *state, char *token, JsonTokenType type)
{
	Reader	   *reader = state;
	JsonMember *member;

	if (reader->status != JSON_READ_OK)
		JSON_ACTION_DONE;
	if (reader->depth == 0)
		reader->status = JSON_READ_NOT_OBJECT;
	else if (type == JSON_TOKEN_NUMBER && !exponent_in_range(token))
		reader->status = JSON_READ_NUMBER_RANGE;
	if (reader->status != JSON_READ_OK || reader->depth > 2)
		JSON_ACTION_DONE;

	member = last_member(reader);
	if (reader->depth == 2)
	{
		if (type == JSON_TOKEN_STRING && member->kind == JSON_KIND_ARRAY)
			add_item(reader, member, last_string(reader, token));
		else
			member->only_strings = false;
		JSON_ACTION_DONE;
	}

	switch (type)
	{
		case JSON_TOKEN_STRING:
			member->kind = JSON_KIND_STRING;
			member->text = last_string(reader, token);
			break;
		case JSON_TOKEN_NUMBER:
			member->kind = JSON_KIND_NUMBER;
			member->text = token;
			break;
		case JSON_TOKEN_TRUE:
			member->kind = JSON_KIND_TRUE;
			break;
		case JSON_TOKEN_FALSE:
			member->kind = JSON_KIND_FALSE;
			break;
		default:
			member->kind = JSON_KIND_NULL;
			break;
	}
	JSON_ACTION_DONE;
}

/* How often is a character in the text?  At most "limit" are counted. */
static int
count_character(const char *text, size_t len, char c, int limit)
{
	const char *end = text + len;
	int			count = 0;

	while (count < limit && (text = memchr(text, c, (size_t) (end - text))) != NULL)
	{
		count++;
		text++;
	}
	return count;
}

/*
 * Does the text stay within the depth that is read?
 *
 * Asked before the recursive parser sees it: that one would raise an error of
 * its own when the stack runs out.  Few brackets cannot make a depth.
 */
static bool
depth_in_range(const char *text, size_t len)
{
	int			depth = 0;
	bool		in_string = false;

	if (count_character(text, len, '{', JSON_MAX_DEPTH) +
		count_character(text, len, '[', JSON_MAX_DEPTH) < JSON_MAX_DEPTH)
		return true;

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (in_string)
		{
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
		{
			if (++depth > JSON_MAX_DEPTH)
				return false;
		}
		else if (c == '}' || c == ']')
			depth--;
	}
	return true;
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
	JsonSemAction actions = {
		.semstate = &reader,
		.object_start = on_object_start,
		.object_end = on_container_end,
		.array_start = on_array_start,
		.array_end = on_container_end,
		.object_field_start = on_field_start,
		.object_field_end = on_field_end,
		.array_element_start = on_element_start,
		.scalar = on_scalar
	};
	JsonParseErrorType error;
	bool		escapes;

	object->nmembers = 0;
	object->members = NULL;
	if (len > PG_INT32_MAX)
		return JSON_READ_SYNTAX;
	if (pg_encoding_verifymbstr(encoding, text, (int) len) != (int) len)
		return JSON_READ_BAD_UTF8;
	if (!depth_in_range(text, len))
		return JSON_READ_TOO_DEEP;

	escapes = memchr(text, '\\', len) != NULL;
	memset(&reader, 0, sizeof(reader));
	reader.lexer = make_json_lexer(text, len, encoding, escapes);
	reader.strings = escapes ? NULL : palloc(len + 1);
	reader.object = object;
	reader.slots = reader.first_slots;
	reader.nslots = FIRST_SLOTS;

	error = pg_parse_json(reader.lexer, &actions);
	if (reader.status != JSON_READ_OK)
		return reader.status;
	return error == JSON_SUCCESS ? JSON_READ_OK : JSON_READ_SYNTAX;
}

/* The member of that name, or NULL. */
const JsonMember *
json_member(const JsonObject *object, const char *name)
{
	for (int i = 0; i < object->nmembers; i++)
	{
		const char *other = object->members[i].name;

		/* Most differ in their first letter, which costs no call. */
		if (other[0] == name[0] && strcmp(other, name) == 0)
			return &object->members[i];
	}
	return NULL;
}

/*-------------------------------------------------------------------------
 *
 * json_reader.h
 *	  One JSON object, read strictly, its top-level members as plain values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_JSON_READER_H
#define PINDAH_JSON_READER_H

#include "compat.h"

/* Deepest nesting of objects and arrays that is read. */
#define JSON_MAX_DEPTH		64
/* Largest power of ten that a number may be written with. */
#define JSON_MAX_EXPONENT	308

typedef enum JsonStatus
{
	JSON_READ_OK,
	JSON_READ_BAD_UTF8,
	JSON_READ_SYNTAX,
	JSON_READ_NOT_OBJECT,
	JSON_READ_DUPLICATE,
	JSON_READ_TOO_DEEP,
	JSON_READ_NUMBER_RANGE
} JsonStatus;

typedef enum JsonKind
{
	JSON_KIND_STRING,
	JSON_KIND_NUMBER,
	JSON_KIND_TRUE,
	JSON_KIND_FALSE,
	JSON_KIND_NULL,
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY
} JsonKind;

/*
 * One top-level member.  Strings are unescaped, numbers as they were written;
 * "value" alone points into the text that was read.
 */
typedef struct JsonMember
{
	const char *name;
	size_t		name_len;
	JsonKind	kind;
	const char *text;			/* strings and numbers */
	int			nitems;			/* arrays: how many elements are strings */
	const char **items;
	bool		only_strings;	/* arrays: no element is anything else */
	const char *value;			/* the whole value, as it was written */
	size_t		value_len;
} JsonMember;

typedef struct JsonObject
{
	int			nmembers;
	JsonMember *members;
	uint64		names;			/* for json_member(): what may be there */
} JsonObject;

extern JsonStatus json_read_object(const char *text, size_t len, int encoding,
								   JsonObject *object);
extern const JsonMember *json_member(const JsonObject *object, const char *name);
extern bool json_next_element(const JsonMember *array, const char **at,
							  const char **element, size_t *len);
extern char *json_expand_escapes(const char *text, size_t len, size_t *expanded_len);

#endif							/* PINDAH_JSON_READER_H */

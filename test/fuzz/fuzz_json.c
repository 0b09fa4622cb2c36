/*-------------------------------------------------------------------------
 *
 * fuzz_json.c
 *	  The JSON reader accepts what it should, and hands back what was there.
 *
 * Three readers are asked: ours, the one of reference_json.c, and PostgreSQL's
 * (which knows nothing of names, depths and exponents).
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "json_reader.h"
#include "reference_json.h"

void
fuzz_begin(void)
{
}

/* PostgreSQL and we agree on what is JSON of any kind, in an encoding. */
static void
check_syntax(const char *text, size_t len, int encoding, JsonStatus status)
{
	JsonParseErrorType error;

	if (status != JSON_READ_OK && status != JSON_READ_SYNTAX)
		return;
	error = pg_parse_json(make_json_lexer(text, len, encoding, true), &nullSemAction);
	MUST((status == JSON_READ_OK) == (error == JSON_SUCCESS));
}

/* Are two texts, or two absences of a text, the same? */
static bool
same_text(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Do both readers say the same of a member?  The input is poison by now. */
static void
check_member(const JsonMember *member, const JsonMember *expected)
{
	MUST(same_text(member->name, expected->name));
	MUST(member->kind == expected->kind);
	MUST(same_text(member->text, expected->text));
	if (member->kind != JSON_KIND_ARRAY)
	{
		MUST(member->nitems == 0 && member->items == NULL);
		return;
	}
	MUST(member->only_strings == expected->only_strings);
	MUST(member->nitems == expected->nitems);
	for (int i = 0; i < member->nitems; i++)
		MUST(same_text(member->items[i], expected->items[i]));
}

/* No name twice, every name leads to its own member, and no other to any. */
static void
check_names(const JsonObject *object)
{
	static const char *const others[] = {"", "a", "alg", "exp", "sub", "nameid", "m1"};

	for (size_t i = 0; i < lengthof(others); i++)
	{
		const JsonMember *found = json_member(object, others[i]);
		bool		there = false;

		for (int j = 0; j < object->nmembers; j++)
			there = there || strcmp(object->members[j].name, others[i]) == 0;
		MUST(there == (found != NULL));
	}
	for (int i = 0; i < object->nmembers; i++)
	{
		for (int j = 0; j < i; j++)
			MUST(strcmp(object->members[i].name, object->members[j].name) != 0);
		MUST(json_member(object, object->members[i].name) == &object->members[i]);
	}
}

void
fuzz_one(const char *data, size_t len)
{
	JsonObject	object;
	JsonObject	again;
	JsonObject	japanese;
	JsonObject	expected;
	bool		good = reference_read_object(data, len, &expected);
	JsonStatus	status;

	/* A verdict on memory that was never written would change with the fill. */
	fuzz_fill = 0x5A;
	status = json_read_object(data, len, PG_UTF8, &again);
	fuzz_fill = 0xA5;
	MUST(json_read_object(data, len, PG_UTF8, &object) == status);

	MUST((status == JSON_READ_OK) == good);
	MUST((status == JSON_READ_BAD_UTF8) == !reference_is_utf8(data, len));
	check_syntax(data, len, PG_UTF8, status);
	check_syntax(data, len, PG_EUC_JP,
				 json_read_object(data, len, PG_EUC_JP, &japanese));
	fuzz_forget_input();
	if (status != JSON_READ_OK)
		return;

	MUST(object.nmembers == expected.nmembers && again.nmembers == expected.nmembers);
	check_names(&object);
	for (int i = 0; i < object.nmembers; i++)
	{
		check_member(&object.members[i], &expected.members[i]);
		check_member(&again.members[i], &expected.members[i]);
	}
}

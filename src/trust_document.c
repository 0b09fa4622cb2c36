/*-------------------------------------------------------------------------
 *
 * trust_document.c
 *	  The JSON of a trust file, and the key sets beside it, as a keyring.
 *
 *	  {"issuers": [{"issuer": "...", "audience": [...], "organisations": [...],
 *					"claim_map": {...}, "jwks": {...} | "jwks_file": "..."}]}
 *
 * All or nothing: whatever is wrong anywhere, even in the key of one issuer
 * among hundreds, refuses the whole.  The rules for keys and claim maps are
 * those of the trust tables.  An error says where it is and what is wrong, in
 * constant words: nothing that stands in a file gets into it.
 *
 * Everything is read as UTF-8, whatever the encoding of a database, and with
 * neither database nor transaction.  Raises nothing but out of memory.
 *
 *-------------------------------------------------------------------------
 */
#include "trust_document.h"

#include "jwk.h"
#include "json_reader.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

typedef struct Reader
{
	const char *path;			/* of the trust file */
	TrustDocument *document;
	Keyring    *ring;
	MemoryContext results;		/* where files and error go */
	Size		size_left;		/* bytes that may still be read */
	int			issuer;			/* which one, from 1; 0: none */
	bool		in_key_file;
	int			key;
} Reader;

/* A sentence with the place that is read before it. */
static const char *
say(Reader *reader, const char *sentence)
{
	char		place[64] = "";
	char	   *said;
	Size		size;

	if (reader->issuer > 0)
		snprintf(place, sizeof(place), "issuer %d: %s", reader->issuer,
				 reader->in_key_file ? "its jwks_file: " : "");
	if (reader->key > 0)
		snprintf(place + strlen(place), sizeof(place) - strlen(place),
				 "key %d: ", reader->key);
	size = strlen(place) + strlen(sentence) + 1;
	said = MemoryContextAlloc(reader->results, size);
	snprintf(said, size, "%s%s", place, sentence);
	return said;
}

/* Say what is wrong at the place that is read. */
static bool
fail(Reader *reader, const char *sentence)
{
	reader->document->error = say(reader, sentence);
	return false;
}

/* A copy of a string that lives as long as the keyring. */
static const char *
keep(Reader *reader, const char *text)
{
	return MemoryContextStrdup(reader->ring->context, text);
}

/* Read a JSON object, or fail. */
static bool
read_object(Reader *reader, const char *text, size_t len, JsonObject *object)
{
	switch (json_read_object(text, len, PG_UTF8, object))
	{
		case JSON_READ_OK:
			return true;
		case JSON_READ_BAD_UTF8:
			return fail(reader, "it is not valid UTF-8");
		case JSON_READ_NOT_OBJECT:
			return fail(reader, "it is not a JSON object");
		case JSON_READ_DUPLICATE:
			return fail(reader, "a member name stands twice in one object");
		case JSON_READ_TOO_DEEP:
			return fail(reader, "it is nested deeper than 64 levels");
		case JSON_READ_NUMBER_RANGE:
			return fail(reader, "it holds a number with an exponent beyond 308");
		case JSON_READ_SYNTAX:
			break;
	}
	return fail(reader, "it is not well-formed JSON");
}

/* Mix what was read, and from where, into the digest of the document. */
static void
add_to_digest(TrustDocument *document, const char *path, const char *bytes,
			  Size len)
{
	uint8		parts[3][SHA256_SIZE] = {{0}};

	memcpy(parts[0], document->digest, SHA256_SIZE);
	if (crypto_sha256((const uint8 *) path, strlen(path), parts[1]) &&
		crypto_sha256((const uint8 *) bytes, len, parts[2]))
		crypto_sha256(parts[0], sizeof(parts), document->digest);
}

/* Read a file as UTF-8 without escapes, and note that it was looked at. */
static bool
read_text(Reader *reader, const char *path, char **text, size_t *len,
		  const TrustDocumentFile **noted)
{
	TrustDocument *document = reader->document;
	TrustDocumentFile *file = MemoryContextAlloc(reader->results, sizeof(*file));
	const char *problem;
	char	   *bytes;
	Size		size;

	file->path = MemoryContextStrdup(reader->results, path);
	file->next = document->files;
	document->files = file;
	*noted = file;

	problem = file_read(path, reader->size_left, &bytes, &size, &file->stamp);
	if (problem != NULL)
	{
		add_to_digest(document, path, problem, strlen(problem));
		return fail(reader, problem);
	}
	reader->size_left -= size;
	add_to_digest(document, path, bytes, size);
	*text = json_expand_escapes(bytes, size, len);
	return true;
}

/* Read a string or an array of strings. */
static bool
read_strings(Reader *reader, const JsonMember *member, ClaimList *list)
{
	int			count = member->kind == JSON_KIND_STRING ? 1 : member->nitems;

	if (member->kind != JSON_KIND_STRING &&
		(member->kind != JSON_KIND_ARRAY || !member->only_strings))
		return false;
	list->count = count;
	list->items = MemoryContextAlloc(reader->ring->context,
									 (count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		list->items[i] = keep(reader, member->kind == JSON_KIND_STRING ?
							  member->text : member->items[i]);
	return true;
}

/* Read a claim map; its strings are kept where the keyring is. */
static bool
read_claim_map(Reader *reader, const JsonMember *member, TrustedIssuer *issuer)
{
	MemoryContext caller = MemoryContextSwitchTo(reader->ring->context);
	ClaimNames *names = palloc(sizeof(ClaimNames));
	bool		good = claims_read_map(member->value, member->value_len, PG_UTF8, names);

	issuer->claim_names = names;
	MemoryContextSwitchTo(caller);
	return good;
}

/* Take one key of a set; a key that is not for us is left out. */
static bool
read_key(Reader *reader, const char *issuer, const char *text, size_t len,
		 const TrustDocumentFile *file, const char *path, uint32 *kinds)
{
	CryptoKey  *crypto = keyring_alloc_key(reader->ring->context);
	TrustedKey *key;
	Jwk			jwk;
	KeyVerdict	verdict = jwk_read_trusted(text, len, PG_UTF8, crypto, &jwk);
	bool		is_secret;

	if (jwk_is_skipped(verdict))
	{
		if (reader->document->nskipped++ == 0)
			reader->document->skipped = say(reader, key_verdict_sentence(verdict));
		return true;
	}
	if (verdict != KEY_OK)
		return fail(reader, key_verdict_sentence(verdict));

	key = keyring_add_key(reader->ring, issuer,
						  keep(reader, jwk.key_id == NULL ? jwk.thumbprint : jwk.key_id));
	key->loaded = true;
	key->key = crypto;
	key->path = path;
	key->changed_at = file->stamp.modified.tv_sec;

	is_secret = crypto_family(jwk.algorithm) == FAMILY_HMAC;
	*kinds |= is_secret ? 1 : 2;
	if (*kinds == (1 | 2))
		return fail(reader, "symmetric and asymmetric keys side by side");
	if (is_secret && (file->stamp.mode & S_IROTH) != 0)
		reader->document->secret_is_open = true;
	return true;
}

/* Read a JWK set (RFC 7517 section 5). */
static bool
read_key_set(Reader *reader, const char *issuer, const char *text, size_t len,
			 const TrustDocumentFile *file)
{
	const char *path = keep(reader, file->path);
	JsonObject	set;
	const JsonMember *keys;
	const char *at = NULL;
	const char *element;
	size_t		element_len;
	uint32		kinds = 0;

	if (!read_object(reader, text, len, &set))
		return false;
	keys = json_member(&set, "keys");
	if (keys == NULL || keys->kind != JSON_KIND_ARRAY)
		return fail(reader, "a JWK set is an object with an array \"keys\"");
	while (json_next_element(keys, &at, &element, &element_len))
	{
		reader->key++;
		if (!read_key(reader, issuer, element, element_len, file, path, &kinds))
			return false;
	}
	reader->key = 0;
	return true;
}

/* Where a key set lies: beside the trust file, unless its path is absolute. */
static char *
path_beside(const char *trust_file, const char *path)
{
	const char *slash = strrchr(trust_file, '/');
	int			folder = slash == NULL || path[0] == '/' ? 0 :
		(int) (slash - trust_file) + 1;

	return psprintf("%.*s%s", folder, trust_file, path);
}

/* Read the key set that an issuer has in a file of its own. */
static bool
read_key_file(Reader *reader, const char *issuer, const JsonMember *member)
{
	const TrustDocumentFile *file;
	char	   *path;
	char	   *text;
	size_t		len;
	bool		good;

	if (member->kind != JSON_KIND_STRING || member->text[0] == '\0' ||
		strlen(member->text) >= MAXPGPATH)
		return fail(reader, "jwks_file is not the path of a file");
	path = path_beside(reader->path, member->text);
	reader->in_key_file = true;
	good = read_text(reader, path, &text, &len, &file) &&
		read_key_set(reader, issuer, text, len, file);
	if (good)
		reader->in_key_file = false;
	return good;
}

/* Fail unless all members are known: say which is not, and which there are. */
static bool
check_members(Reader *reader, const JsonObject *object, const char *const *names,
			  const char *listed)
{
	for (int i = 0; i < object->nmembers; i++)
	{
		const char *const *name = names;

		while (*name != NULL && strcmp(*name, object->members[i].name) != 0)
			name++;
		if (*name == NULL)
			return fail(reader, psprintf("its member %d is not known; known %s",
										 i + 1, listed));
	}
	return true;
}

/* Read one element of "issuers". */
static bool
read_issuer(Reader *reader, const char *text, size_t len,
			const TrustDocumentFile *trust_file)
{
	static const char *const members[] = {
		"issuer", "audience", "organisations", "claim_map", "jwks", "jwks_file", NULL
	};
	JsonObject	object;
	const JsonMember *name;
	const JsonMember *audience;
	const JsonMember *organisations;
	const JsonMember *map;
	const JsonMember *set;
	const JsonMember *file;
	TrustedIssuer *issuer;

	if (!read_object(reader, text, len, &object))
		return false;
	name = json_member(&object, "issuer");
	audience = json_member(&object, "audience");
	organisations = json_member(&object, "organisations");
	map = json_member(&object, "claim_map");
	set = json_member(&object, "jwks");
	file = json_member(&object, "jwks_file");

	if (!check_members(reader, &object, members,
					   "are issuer, audience, organisations, claim_map, jwks and jwks_file"))
		return false;
	if (name == NULL || name->kind != JSON_KIND_STRING)
		return fail(reader, "issuer is not a string");
	if ((set == NULL) == (file == NULL))
		return fail(reader, "it needs either jwks or jwks_file");
	if (set != NULL && set->kind != JSON_KIND_OBJECT)
		return fail(reader, "a JWK set is an object with an array \"keys\"");

	issuer = keyring_add_issuer(reader->ring, keep(reader, name->text));
	issuer->has_audience = audience != NULL;
	if (audience != NULL && !read_strings(reader, audience, &issuer->audience))
		return fail(reader, "audience is not an array of strings");
	issuer->has_organisations = organisations != NULL;
	if (organisations != NULL &&
		!read_strings(reader, organisations, &issuer->organisations))
		return fail(reader, "organisations is not an array of strings");
	if (map != NULL && !read_claim_map(reader, map, issuer))
		return fail(reader, "the claim map is not usable: its members are user_id, user_name, email, roles, permissions and organisation_id, each a claim name or an array of them");
	if (file != NULL)
		return read_key_file(reader, issuer->issuer, file);
	return read_key_set(reader, issuer->issuer, set->value, set->value_len,
						trust_file);
}

/* What may stand once only must not stand twice; the keyring is in order. */
static bool
has_no_duplicates(Reader *reader)
{
	const Keyring *ring = reader->ring;

	reader->issuer = 0;
	for (int i = 1; i < ring->nissuers; i++)
	{
		if (strcmp(ring->issuers[i - 1].issuer, ring->issuers[i].issuer) == 0)
			return fail(reader, "it names an issuer twice");
	}
	for (int i = 1; i < ring->nkeys; i++)
	{
		if (strcmp(ring->keys[i - 1].issuer, ring->keys[i].issuer) == 0 &&
			strcmp(ring->keys[i - 1].key_id, ring->keys[i].key_id) == 0)
			return fail(reader, "an issuer has a kid twice");
	}
	return true;
}

/* Read the trust file itself. */
static bool
read_document(Reader *reader)
{
	static const char *const members[] = {"issuers", NULL};
	const TrustDocumentFile *file;
	JsonObject	object;
	const JsonMember *issuers;
	const char *at = NULL;
	const char *element;
	size_t		element_len;
	char	   *text;
	size_t		len;

	if (!read_text(reader, reader->path, &text, &len, &file) ||
		!read_object(reader, text, len, &object))
		return false;
	issuers = json_member(&object, "issuers");
	if (!check_members(reader, &object, members, "is issuers"))
		return false;
	if (issuers == NULL || issuers->kind != JSON_KIND_ARRAY)
		return fail(reader, "it is not an object with an array \"issuers\"");
	while (json_next_element(issuers, &at, &element, &element_len))
	{
		reader->issuer++;
		if (!read_issuer(reader, element, element_len, file))
			return false;
	}
	keyring_seal(reader->ring);
	return has_no_duplicates(reader);
}

/*
 * Read a trust file and its key sets.
 *
 * The keyring, the files and the error become children of the current memory
 * context, in which nothing else is left behind.
 */
void
trust_document_read(const char *path, TrustDocument *document)
{
	MemoryContext results = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(results, "pindah trust document",
												  ALLOCSET_DEFAULT_SIZES);
	Reader		reader = {.path = path, .document = document, .results = results};

	memset(document, 0, sizeof(*document));
	reader.ring = document->ring = keyring_create(results, PG_UTF8, KEY_OF_FILE);
	reader.size_left = TRUST_FILES_MAX_SIZE;
	MemoryContextSwitchTo(scratch);
	read_document(&reader);
	MemoryContextSwitchTo(results);
	MemoryContextDelete(scratch);
}

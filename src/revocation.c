/*-------------------------------------------------------------------------
 *
 * revocation.c
 *	  Tokens that were taken back before they expired.
 *
 * pindah.revocations may be large, and a token asks for at most five of its
 * rows: so it is not read into memory, but searched by its primary key.  What
 * is kept is which kinds of entry there are at all; where there are none, a
 * token costs nothing.
 *
 * An entry for a token counts whenever the token was issued.  All others are
 * about the tokens that had been issued by then: one without iat is taken for
 * such a token, and so is one of the very same instant.
 *
 * All names are compared byte for byte, but for an organisation that is a uuid:
 * a column of that type takes all its spellings for one tenant, and so does a
 * revocation.  A trigger of the table sees that it is stored the usual way.
 *
 * Who remembers that a token was clear remembers the revocation_generation()
 * with it, as it was before the search.  Only search_table() writes "known".
 *
 *-------------------------------------------------------------------------
 */
#include "revocation.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "trust_tables.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns of the table: the order of sql/revocation.sql. */
enum
{
	REVOCATIONS_KIND = 1,
	REVOCATIONS_ISSUER,
	REVOCATIONS_SUBJECT,
	REVOCATIONS_REVOKED_AT
};

/* What an entry is about, the narrowest first. */
typedef enum RevocationKind
{
	REVOKED_TOKEN,
	REVOKED_USER,
	REVOKED_ORGANISATION,
	REVOKED_ISSUER,
	REVOKED_ALL
} RevocationKind;

#define REVOCATION_KINDS	(REVOKED_ALL + 1)
#define KIND_BIT(kind)		(UINT32_C(1) << (kind))

static const struct
{
	const char *name;
	TokenVerdict verdict;
}			kinds[REVOCATION_KINDS] = {
	[REVOKED_TOKEN] = {"token", TOKEN_REVOKED},
	[REVOKED_USER] = {"user", TOKEN_USER_REVOKED},
	[REVOKED_ORGANISATION] = {"organisation", TOKEN_ORGANISATION_REVOKED},
	[REVOKED_ISSUER] = {"issuer", TOKEN_ISSUER_REVOKED},
	[REVOKED_ALL] = {"all", TOKEN_TOO_OLD}
};

/* 8-4-4-4-12 digits, and the end. */
#define UUID_TEXT_SIZE		37

/* The table while it is searched. */
typedef struct Search
{
	Relation	table;
	Oid			index;			/* InvalidOid: somebody has dropped it */
	Snapshot	snapshot;		/* one for all that is asked of a token */
} Search;

/* What is known of the table, at one generation of it. */
static struct
{
	uint64		generation;		/* 0: nothing */
	Oid			relid;
	uint32		kinds;			/* KIND_BITs of those that may be there */
}			known;

/* Changes whenever a token that was clear may no longer be. */
uint64
revocation_generation(void)
{
	return trust_table_generation(TRUST_REVOCATIONS);
}

static void
begin_search(Search *search, Oid relid)
{
	search->table = table_open(relid, AccessShareLock);
	search->index = primary_key_index(search->table);
	search->snapshot = RegisterSnapshot(GetCatalogSnapshot(relid));
}

static void
end_search(Search *search)
{
	UnregisterSnapshot(search->snapshot);
	table_close(search->table, AccessShareLock);
}

/*
 * Is there an entry of a kind, for an issuer and a subject or, where those are
 * NULL, for any?  If so, since when.
 */
static bool
find_entry(const Search *search, const char *kind, const char *issuer,
		   const char *subject, TimestampTz *revoked_at)
{
	ScanKeyData keys[3];
	int			nkeys = 1;
	SysScanDesc scan;
	HeapTuple	tuple;

	/* ScanKeyInit() compares by collation "C", as the columns do. */
	ScanKeyInit(&keys[0], REVOCATIONS_KIND, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(kind));
	if (issuer != NULL)
	{
		ScanKeyInit(&keys[1], REVOCATIONS_ISSUER, BTEqualStrategyNumber, F_TEXTEQ,
					CStringGetTextDatum(issuer));
		ScanKeyInit(&keys[2], REVOCATIONS_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ,
					CStringGetTextDatum(subject));
		nkeys = 3;
	}
	scan = systable_beginscan(search->table, search->index,
							  OidIsValid(search->index), search->snapshot,
							  nkeys, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, REVOCATIONS_REVOKED_AT,
										 RelationGetDescr(search->table), &isnull);

		*revoked_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	}
	systable_endscan(scan);
	return HeapTupleIsValid(tuple);
}

/* Which kinds of entry are there at all? */
static uint32
find_kinds(const Search *search)
{
	uint32		found = 0;
	TimestampTz revoked_at;

	for (int kind = 0; kind < REVOCATION_KINDS; kind++)
	{
		if (find_entry(search, kinds[kind].name, NULL, NULL, &revoked_at))
			found |= KIND_BIT(kind);
	}

	/*
	 * Old entries may at any moment give way to one about all tokens, in a
	 * transaction whose rows are seen just before it is heard of.
	 */
	return found == 0 ? 0 : found | KIND_BIT(REVOKED_ALL);
}

/* Is there an entry of a kind, issuer and subject that is about the token? */
static bool
is_hit(const Search *search, RevocationKind kind, const char *issuer,
	   const char *subject, const RevocableToken *token)
{
	TimestampTz revoked_at;

	return find_entry(search, kinds[kind].name, issuer, subject, &revoked_at) &&
		(kind == REVOKED_TOKEN || !token->has_issued_at ||
		 token->issued_at <= revoked_at);
}

/*
 * Spell an organisation the way that uuid's output does, if it is one in any of
 * the spellings that uuid's input takes.
 */
static bool
spell_uuid(const char *organisation, char spelled[UUID_TEXT_SIZE])
{
	const char *in = organisation;
	char	   *out = spelled;
	bool		in_braces = *in == '{';

	if (in_braces)
		in++;
	for (int digits = 0; digits < 2 * UUID_LEN; digits++)
	{
		if (digits % 4 == 0 && digits != 0 && *in == '-')
			in++;
		if (*in == '\0' || strchr("0123456789abcdefABCDEF", *in) == NULL)
			return false;
		if (digits == 8 || digits == 12 || digits == 16 || digits == 20)
			*out++ = '-';
		*out++ = pg_ascii_tolower((unsigned char) *in++);
	}
	*out = '\0';
	return strcmp(in, in_braces ? "}" : "") == 0;
}

/* Was the organisation of the token revoked, under this name or as a uuid? */
static bool
organisation_is_revoked(const Search *search, const RevocableToken *token)
{
	const char *name = token->organisation;
	char		spelled[UUID_TEXT_SIZE];

	if (name == NULL)
		return false;
	return is_hit(search, REVOKED_ORGANISATION, "", name, token) ||
		(spell_uuid(name, spelled) && strcmp(name, spelled) != 0 &&
		 is_hit(search, REVOKED_ORGANISATION, "", spelled, token));
}

/* Is there an entry of a kind for the token? */
static bool
is_revoked(const Search *search, RevocationKind kind, const RevocableToken *token)
{
	const char *issuer = token->issuer == NULL ? "" : token->issuer;
	const char *subject = "";

	switch (kind)
	{
		case REVOKED_TOKEN:
			subject = token->token_id;
			break;
		case REVOKED_USER:
			subject = token->user_id;
			break;
		case REVOKED_ORGANISATION:
			return organisation_is_revoked(search, token);
		case REVOKED_ISSUER:
			break;
		case REVOKED_ALL:
			issuer = "";
			break;
	}
	return subject != NULL && is_hit(search, kind, issuer, subject, token);
}

/* Search the table for the token. */
static TokenVerdict
search_table(const RevocableToken *token)
{
	uint64		generation = revocation_generation();
	TokenVerdict verdict = TOKEN_OK;
	Search		search;

	if (known.generation != generation)
	{
		Oid			relid = trust_table_find(TRUST_REVOCATIONS);

		/* Without the table nobody can tell what was revoked. */
		if (!OidIsValid(relid))
			return TOKEN_UNTRUSTED_ISSUER;
		known.generation = 0;
		begin_search(&search, relid);
		known.kinds = find_kinds(&search);
		known.relid = relid;
		known.generation = generation;
	}
	else
		begin_search(&search, known.relid);

	for (int kind = 0; kind < REVOCATION_KINDS && verdict == TOKEN_OK; kind++)
	{
		if ((known.kinds & KIND_BIT(kind)) != 0 && is_revoked(&search, kind, token))
			verdict = kinds[kind].verdict;
	}
	end_search(&search);
	return verdict;
}

/* Is it known that nothing at all is revoked? */
static inline bool
nothing_is_revoked(void)
{
	return known.generation == revocation_generation() && known.kinds == 0;
}

/* Was a token revoked?  Must run inside a transaction. */
TokenVerdict
revocation_check(const RevocableToken *token)
{
	return nothing_is_revoked() ? TOKEN_OK : search_table(token);
}

/* A text as a C string, NULL for NULL. */
static const char *
string_of(const text *value)
{
	return value == NULL ? NULL : text_to_cstring(value);
}

/* The same for the token that an identity came from. */
TokenVerdict
revocation_check_identity(const Identity *identity)
{
	RevocableToken token;

	if (nothing_is_revoked())
		return TOKEN_OK;
	token.issuer = string_of(IDENTITY_TEXT(identity, issuer));
	token.token_id = string_of(IDENTITY_TEXT(identity, token_id));
	token.user_id = string_of(IDENTITY_TEXT(identity, user_id));
	token.organisation = string_of(IDENTITY_TEXT(identity, organisation));
	token.has_issued_at = identity->has_issued_at;
	token.issued_at = identity->issued_at;
	return search_table(&token);
}

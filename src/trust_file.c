/*-------------------------------------------------------------------------
 *
 * trust_file.c
 *	  The trust file of the cluster: the setting pindah.trust_file.
 *
 * Every process keeps what the file said last when it was in order ("trusted")
 * and looks again at most once a second, and only between two statements: so
 * one statement is judged by one trust.  A file that changed is read into a
 * keyring of its own, which replaces the one of before only when nothing at
 * all is wrong with it.  Otherwise the old one stays, and the log says so,
 * once for each change.  Only an empty setting ends it.
 *
 * Where the library is in shared_preload_libraries, the postmaster reads the
 * file when it starts and at each reload, so that new sessions inherit the
 * last good state even while the file is broken.  Elsewhere a new session
 * reads the file itself, and trusts nobody by a broken one.
 *
 * Nothing here raises an error, which would end the postmaster.  Reading needs
 * neither a database nor a transaction; looking up for a database whose
 * encoding is not UTF-8 needs a transaction, for the conversion.
 *
 * Only switch_to() writes "trusted" and "generation", only load() "attempt".
 *
 *-------------------------------------------------------------------------
 */
#include "trust_file.h"

#include "access/xact.h"
#include "caught_error.h"
#include "common/hashfn.h"
#include "encoding.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "settings.h"
#include "trust_document.h"
#include "trust_stats.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Times that a file which changes while it is read is read again at once. */
#define MAX_ATTEMPTS	5

/* The bit of what the log was told that stands for a file that is not usable. */
#define BROKEN			UINT64CONST(1)

/* The last time that the file was read, whatever came of it. */
typedef struct Attempt
{
	MemoryContext context;		/* NULL: none yet */
	const char *path;
	TrustDocument document;
	bool		settled;		/* would a change show in the stamps? */
	TimestampTz at;				/* when this outcome was first seen */
} Attempt;

static char *trust_file = NULL;
static Attempt attempt;
static Keyring *trusted = NULL; /* in UTF-8 */
static Keyring *converted = NULL;	/* the same in the server's encoding */
static uint8 trusted_digest[SHA256_SIZE];
static TimestampTz trusted_since = 0;
static uint64 generation = 1;
static TimestampTz last_statement = PG_INT64_MIN;	/* the last that asked */
static TimestampTz last_look = 0;
static bool look_now = false;	/* the setting was assigned */

/* Changes whenever the trust that comes from the file has. */
uint64
trust_file_generation(void)
{
	return generation;
}

/* Replace what is trusted; NULL: nobody any more. */
static void
switch_to(Keyring *ring, const uint8 *digest)
{
	Keyring    *old = trusted;
	Keyring    *old_converted = converted;

	if (ring != NULL)
	{
		MemoryContextSetParent(ring->context, TopMemoryContext);
		memcpy(trusted_digest, digest, SHA256_SIZE);
	}
	trusted = ring;
	trusted_since = GetCurrentTimestamp();
	converted = NULL;
	generation++;
	session_changes++;
	if (old_converted != NULL && old_converted != old)
		MemoryContextDelete(old_converted->context);
	if (old != NULL)
		MemoryContextDelete(old->context);
}

/* Do all paths still lead to what was read? */
static bool
files_are_unchanged(const TrustDocument *document)
{
	for (const TrustDocumentFile *file = document->files; file != NULL; file = file->next)
	{
		FileStamp	now;

		file_look(file->path, &now);
		if (!file_stamps_equal(&file->stamp, &now))
			return false;
	}
	return true;
}

static bool
files_are_settled(const TrustDocument *document)
{
	for (const TrustDocumentFile *file = document->files; file != NULL; file = file->next)
	{
		if (!file_is_settled(&file->stamp))
			return false;
	}
	return true;
}

/*
 * Read the file.  Several files are read, and switched by somebody else: what
 * counts is only what was all there at one time.
 */
static void
read_file(const char *path, Attempt *next)
{
	CaughtError before = before_error();

	PG_TRY();
	{
		for (int i = 0; i < MAX_ATTEMPTS; i++)
		{
			if (next->context != NULL)
				MemoryContextReset(next->context);
			else
				next->context = AllocSetContextCreate(TopMemoryContext,
													  "pindah trust file",
													  ALLOCSET_SMALL_SIZES);
			MemoryContextSwitchTo(next->context);
			next->path = pstrdup(path);
			trust_document_read(path, &next->document);
			next->settled = files_are_settled(&next->document);
			if (files_are_unchanged(&next->document))
				break;
			next->document.error = "its files change faster than they can be read";
			next->settled = false;
		}
		MemoryContextSwitchTo(before.context);
	}
	PG_CATCH();
	{
		forget_error(&before);
		if (next->context != NULL)
			MemoryContextDelete(next->context);
		memset(next, 0, sizeof(*next));
		next->document.error = "there is not enough memory to read it";
	}
	PG_END_TRY();
}

/*
 * Say in the log what came of reading, and not the statement that was running.
 * "was_broken" says what the log was told before.
 */
static void
report(const char *path, const TrustDocument *document, bool was_broken)
{
	if (document->error != NULL)
		ereport(LOG_SERVER_ONLY,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errhidestmt(true), errhidecontext(true),
				 errmsg("could not use trust file \"%s\": %s",
						path, document->error),
				 trusted != NULL ?
				 errdetail("What it said before stays in force.") :
				 errdetail("Nobody is trusted by it.")));
	else if (was_broken)
		ereport(LOG_SERVER_ONLY,
				(errhidestmt(true), errhidecontext(true),
				 errmsg("trust file \"%s\" is in order again", path)));
	if (document->error == NULL && document->nskipped > 0)
		ereport(LOG_SERVER_ONLY,
				(errhidestmt(true), errhidecontext(true),
				 errmsg("keys of trust file \"%s\" are skipped: %s",
						path, document->skipped),
				 errdetail("Skipped: %d.", document->nskipped)));
	if (document->error == NULL && document->secret_is_open)
		ereport(LOG_SERVER_ONLY,
				(errhidestmt(true), errhidecontext(true),
				 errmsg("trust file \"%s\" holds a secret that every user of this machine can read",
						path),
				 errhint("Whoever has the secret of an HMAC issuer can sign tokens: take the permission from others with chmod o-r.")));
}

/*
 * Tell the log of an outcome that is new to this session, unless another
 * session has: all find the same.
 */
static void
report_once(const char *path, const TrustDocument *document)
{
	uint64		what;
	uint64		before;

	memcpy(&what, document->digest, sizeof(what));
	if (document->error == NULL)
		what &= ~BROKEN;
	else
		what = BROKEN | (what + hash_bytes_extended((const unsigned char *) document->error,
													(int) strlen(document->error), 1));
	if (trust_stats_tell_once(what, &before))
		report(path, document,
			   attempt.document.error != NULL || (before & BROKEN) != 0);
}

/* Is this the outcome that was there before? */
static bool
is_same_outcome(const Attempt *a, const Attempt *b)
{
	const char *one = a->document.error == NULL ? "" : a->document.error;
	const char *other = b->document.error == NULL ? "" : b->document.error;

	return a->context != NULL && b->context != NULL &&
		strcmp(a->path, b->path) == 0 && strcmp(one, other) == 0 &&
		memcmp(a->document.digest, b->document.digest, SHA256_SIZE) == 0;
}

/* Read the file, and trust whom it names if nothing is wrong with it. */
static void
load(const char *path)
{
	Attempt		next = {0};
	bool		same;

	read_file(path, &next);
	same = is_same_outcome(&attempt, &next);
	next.at = same ? attempt.at : GetCurrentTimestamp();
	if (!same)
		report_once(path, &next.document);

	if (next.document.error == NULL &&
		(trusted == NULL ||
		 memcmp(next.document.digest, trusted_digest, SHA256_SIZE) != 0))
		switch_to(next.document.ring, next.document.digest);
	else if (next.document.ring != NULL)
		MemoryContextDelete(next.document.ring->context);
	next.document.ring = NULL;

	if (attempt.context != NULL)
		MemoryContextDelete(attempt.context);
	attempt = next;
}

/* Forget the file. */
static void
forget(void)
{
	if (trusted != NULL)
		switch_to(NULL, NULL);
	if (attempt.context != NULL)
		MemoryContextDelete(attempt.context);
	memset(&attempt, 0, sizeof(attempt));
}

/* Look whether anything has changed, and read it then. */
static void
look(const char *path)
{
	if (path == NULL || path[0] == '\0')
		forget();
	else if (attempt.context == NULL || !attempt.settled ||
			 strcmp(attempt.path, path) != 0 ||
			 !files_are_unchanged(&attempt.document))
		load(path);
}

/* Look at the file, if it was not looked at within the last second. */
void
trust_file_catch_up_at(TimestampTz now)
{
	if (!look_now && now >= last_look && now - last_look < USECS_PER_SEC)
		return;
	look_now = false;
	last_look = now;
	look(trust_file);
}

/* The same, but only when a new statement has begun. */
void
trust_file_catch_up(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now == last_statement)
		return;
	last_statement = now;
	trust_file_catch_up_at(now);
}

/* A string of the keyring in the server's encoding, or NULL. */
static const char *
convert_string(const char *text)
{
	char	   *converted_text = (char *) text;
	size_t		len = strlen(text);

	return encoding_to_server(&converted_text, &len) ? converted_text : NULL;
}

/* Those of several strings that the server's encoding can express. */
static ClaimList
convert_list(const ClaimList *list)
{
	ClaimList	result = {0, palloc((list->count + 1) * sizeof(char *))};

	for (int i = 0; i < list->count; i++)
	{
		const char *text = convert_string(list->items[i]);

		if (text != NULL)
			result.items[result.count++] = text;
	}
	return result;
}

static const ClaimNames *
convert_names(const ClaimNames *names)
{
	ClaimNames *result = palloc(sizeof(ClaimNames));

	for (int role = 0; role < CLAIM_ROLES_COUNT; role++)
	{
		ClaimList	list = {0, (const char **) names->names[role]};

		while (list.items[list.count] != NULL)
			list.count++;
		list = convert_list(&list);
		list.items[list.count] = NULL;
		result->names[role] = list.items;
	}
	return result;
}

/* Add an issuer and its keys, converted; none that cannot be expressed. */
static void
convert_issuer(Keyring *ring, const TrustedIssuer *issuer)
{
	const char *name = convert_string(issuer->issuer);
	TrustedIssuer *added;

	if (name == NULL)
		return;
	added = keyring_add_issuer(ring, name);
	added->has_audience = issuer->has_audience;
	added->audience = convert_list(&issuer->audience);
	added->has_organisations = issuer->has_organisations;
	added->organisations = convert_list(&issuer->organisations);
	added->claim_names = convert_names(issuer->claim_names);
	for (int i = 0; i < issuer->nkeys; i++)
	{
		const char *key_id = convert_string(issuer->keys[i].key_id);
		TrustedKey *key;

		if (key_id == NULL)
			continue;
		key = keyring_add_key(ring, name, key_id);
		*key = issuer->keys[i];
		key->issuer = name;
		key->key_id = key_id;
	}
}

/*
 * What is trusted, in the encoding of the database.  What that cannot express
 * is left out: no token of this database can hold it, such a one is malformed.
 */
static const Keyring *
trusted_here(void)
{
	MemoryContext caller;
	Keyring    *ring;

	if (converted != NULL || trusted == NULL)
		return converted;
	if (GetDatabaseEncoding() == PG_UTF8)
		return converted = trusted;

	ring = keyring_create(CurrentMemoryContext, GetDatabaseEncoding(), KEY_OF_FILE);
	caller = MemoryContextSwitchTo(ring->context);
	for (int i = 0; i < trusted->nissuers; i++)
		convert_issuer(ring, &trusted->issuers[i]);
	keyring_seal(ring);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(ring->context, TopMemoryContext);
	return converted = ring;
}

/*
 * The issuer of that name, or NULL when the file does not name it.  Must run
 * inside a transaction; what it hands out is good until the next catching up.
 */
const TrustedIssuer *
trust_file_find_issuer(const char *issuer)
{
	const Keyring *ring = trusted_here();

	return ring == NULL ? NULL : keyring_find_issuer(ring, issuer);
}

/* The same with everything in UTF-8, where no database is open. */
const TrustedIssuer *
trust_file_find_issuer_utf8(const char *issuer)
{
	return trusted == NULL ? NULL : keyring_find_issuer(trusted, issuer);
}

/* What is to be told about the file.  Must run inside a transaction. */
TrustFileStatus
trust_file_status(void)
{
	TrustFileStatus status = {0};

	if (trust_file == NULL || trust_file[0] == '\0')
		return status;
	status.path = trust_file;
	status.ring = trusted_here();
	status.loaded_at = trusted_since;
	status.error = attempt.document.error;
	status.error_at = attempt.at;
	return status;
}

static bool
check_trust_file(char **newval, void **extra, GucSource source)
{
	if (*newval != NULL && strlen(*newval) >= MAXPGPATH)
	{
		GUC_check_errmsg("pindah.trust_file is not the path of a file");
		return false;
	}
	return true;
}

/*
 * Remember to look at once.  The postmaster, which asks for nobody, looks
 * now: guc.c calls this at start and at each reload, changed or not.
 */
static void
assign_trust_file(const char *newval, void *extra)
{
	look_now = true;
	if (!IsUnderPostmaster)
		look(newval);
}

/* Define the setting of this room. */
void
TrustFileInit(void)
{
	/* Set it for issuers that all databases of the cluster trust, and for
	 * the OAuth validator. */
	DefineCustomStringVariable("pindah.trust_file",
							   "File that names trusted issuers and their keys, for the whole cluster.",
							   "A relative path is relative to the data directory.",
							   &trust_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   check_trust_file, assign_trust_file, NULL);
}

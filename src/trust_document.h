/*-------------------------------------------------------------------------
 *
 * trust_document.h
 *	  The JSON of a trust file, and the key sets beside it, as a keyring.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TRUST_DOCUMENT_H
#define PINDAH_TRUST_DOCUMENT_H

#include "compat.h"

#include "file_reader.h"
#include "keyring.h"

/* Bytes that the trust file and the key sets beside it may have together. */
#define TRUST_FILES_MAX_SIZE	(8 * 1024 * 1024)

/* A file that was read, or should have been. */
typedef struct TrustDocumentFile
{
	struct TrustDocumentFile *next;
	const char *path;
	FileStamp	stamp;
} TrustDocumentFile;

/* What came of reading; "files", "error" and "skipped" are in the caller's context. */
typedef struct TrustDocument
{
	Keyring    *ring;			/* sealed, in UTF-8; of no use with an error */
	const char *error;			/* NULL: none */
	TrustDocumentFile *files;	/* the last one first */
	int			nskipped;		/* keys that are not for us */
	const char *skipped;		/* the first of them, and why */
	bool		secret_is_open; /* a file with a secret can be read by all */
	uint8		digest[SHA256_SIZE];	/* of all that was read */
} TrustDocument;

extern void trust_document_read(const char *path, TrustDocument *document);

#endif							/* PINDAH_TRUST_DOCUMENT_H */

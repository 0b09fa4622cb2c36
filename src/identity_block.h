/*-------------------------------------------------------------------------
 *
 * identity_block.h
 *	  An identity as one flat block of memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_IDENTITY_BLOCK_H
#define PINDAH_IDENTITY_BLOCK_H

#include "compat.h"

#include "claims.h"
#include "utils/array.h"
#include "utils/uuid.h"

/* Offsets into the block; 0 stands for "absent". */
typedef uint32 BlockOffset;

typedef struct Identity
{
	uint32		size;			/* of the whole block */
	uint64		fingerprint;	/* of who this is and what he may do */
	bool		has_expiry;
	bool		has_not_before;
	bool		has_issued_at;
	TimestampTz expires_at;		/* exact; the skew comes on top */
	TimestampTz not_before;		/* the later of nbf and iat */
	TimestampTz key_ends_at;	/* of the key that vouches for it, or infinity */
	TimestampTz issued_at;		/* exact */
	bool		has_uuid;		/* is the organisation one? */
	bool		has_bigint;
	bool		has_wildcards;	/* does a permission hold "*"? */
	pg_uuid_t	organisation_uuid;
	int64		organisation_bigint;

	BlockOffset issuer;			/* varlena text */
	BlockOffset key_id;
	BlockOffset token_id;
	BlockOffset user_id;
	BlockOffset user_name;
	BlockOffset email;
	BlockOffset organisation;
	BlockOffset claims;			/* the JSON as it was received */
	BlockOffset roles;			/* text[] */
	BlockOffset permissions;	/* text[] */
	uint32		npermissions;
	BlockOffset permission_index;	/* offsets of texts, in order of bytes */
} Identity;

/* The text or array at an offset of the block, or NULL. */
#define IDENTITY_AT(identity, type, field) \
	((identity)->field == 0 ? NULL : (type *) ((char *) (identity) + (identity)->field))
#define IDENTITY_TEXT(identity, field)	IDENTITY_AT(identity, text, field)
#define IDENTITY_ARRAY(identity, field) IDENTITY_AT(identity, ArrayType, field)

extern Identity *identity_build(const Claims *claims, const char *key_id,
								TimestampTz key_ends_at, const char *payload);
extern bool identity_holds_permission(const Identity *identity,
									  const char *permission, int len);
extern bool identity_has_role(const Identity *identity, const char *role, int len);
extern bool permission_is_well_formed(const char *permission, int len);

#endif							/* PINDAH_IDENTITY_BLOCK_H */

/*-------------------------------------------------------------------------
 *
 * identity_block.c
 *	  An identity as one flat block of memory.
 *
 * Texts and arrays stand in the block as PostgreSQL's own values, found by
 * offset, so that the block can be copied with memcpy and read without being
 * unpacked.  Permissions are indexed in order of their bytes; one question is
 * at most eight binary searches, one for each way to put "*" into three
 * segments.  A block is never written once it is built.
 *
 *-------------------------------------------------------------------------
 */
#include "identity_block.h"

#include "catalog/pg_type.h"
#include "crypto.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "verify.h"

/* Compare two byte strings. */
static int
compare_bytes(const char *a, int a_len, const char *b, int b_len)
{
	int			order = memcmp(a, b, Min(a_len, b_len));

	return order != 0 ? order : a_len - b_len;
}

/* Order two entries of an index over the block "base". */
static int
compare_indexed(const void *a, const void *b, void *base)
{
	text	   *left = (text *) ((char *) base + *(const BlockOffset *) a);
	text	   *right = (text *) ((char *) base + *(const BlockOffset *) b);

	return compare_bytes(VARDATA_ANY(left), (int) VARSIZE_ANY_EXHDR(left),
						 VARDATA_ANY(right), (int) VARSIZE_ANY_EXHDR(right));
}

/* The room that put_text() takes. */
static Size
text_room(const char *string)
{
	return string == NULL ? 0 : MAXALIGN(VARHDRSZ + strlen(string));
}

/* The room that put_list() takes. */
static Size
list_room(const ClaimList *list)
{
	Size		room = ARR_OVERHEAD_NONULLS(1);

	for (int i = 0; i < list->count; i++)
		room += INTALIGN(VARHDRSZ + strlen(list->items[i]));
	return MAXALIGN(room);
}

/* Write a text at an offset; the room that it takes, without padding. */
static Size
write_text(Identity *block, Size offset, const char *string)
{
	Size		len = strlen(string);
	text	   *value = (text *) ((char *) block + offset);

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), string, len);
	return VARHDRSZ + len;
}

/* Put a text at the end of the block; 0 for NULL. */
static BlockOffset
put_text(Identity *block, const char *string)
{
	BlockOffset offset = block->size;

	if (string == NULL)
		return 0;
	block->size += MAXALIGN(write_text(block, offset, string));
	return offset;
}

/*
 * Put a text[] at the end of the block, as construct_array() would make it.
 * "index", if not NULL, receives the offset of each element.
 */
static BlockOffset
put_list(Identity *block, const ClaimList *list, BlockOffset *index)
{
	BlockOffset offset = block->size;
	ArrayType  *array = (ArrayType *) ((char *) block + offset);
	Size		end = offset + (list->count == 0 ? ARR_OVERHEAD_NONULLS(0) :
								ARR_OVERHEAD_NONULLS(1));

	array->ndim = list->count == 0 ? 0 : 1;
	array->dataoffset = 0;
	array->elemtype = TEXTOID;
	if (list->count > 0)
	{
		ARR_DIMS(array)[0] = list->count;
		ARR_LBOUND(array)[0] = 1;
	}
	for (int i = 0; i < list->count; i++)
	{
		if (index != NULL)
			index[i] = (BlockOffset) end;
		end += INTALIGN(write_text(block, end, list->items[i]));
	}
	SET_VARSIZE(array, end - offset);
	block->size = (BlockOffset) MAXALIGN(end);
	return offset;
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Read an organisation as a uuid in its usual form, 8-4-4-4-12.  The other
 * spellings that uuid's input takes are left alone: one tenant, one spelling.
 */
static bool
read_uuid(const char *string, pg_uuid_t *uuid)
{
	int			byte = 0;

	if (strlen(string) != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (string[i] != '-')
				return false;
			continue;
		}
		if (hex_value(string[i]) < 0 || hex_value(string[i + 1]) < 0)
			return false;
		uuid->data[byte++] = (unsigned char) (hex_value(string[i]) << 4 |
											  hex_value(string[i + 1]));
		i++;
	}
	return true;
}

/* Read an organisation as a bigint, written the one way that integers are. */
static bool
read_bigint(const char *string, int64 *value)
{
	const char *digits = *string == '-' ? string + 1 : string;
	char	   *end;

	if (strspn(digits, "0123456789") != strlen(digits) || *digits == '\0' ||
		(*digits == '0' && (digits[1] != '\0' || digits != string)))
		return false;
	errno = 0;
	*value = strtoll(string, &end, 10);
	return errno == 0 && *end == '\0';
}

/* Note when the identity begins and ends. */
static void
set_times(Identity *identity, const Claims *claims)
{
	int64		begin = 0;

	identity->has_expiry = claims->expires.present;
	if (claims->expires.present)
		identity->expires_at = verify_timestamp(claims->expires.usec);

	if (claims->not_before.present)
		begin = claims->not_before.usec;
	identity->has_issued_at = claims->issued_at.present;
	if (claims->issued_at.present)
	{
		begin = Max(begin, claims->issued_at.usec);
		identity->issued_at = verify_timestamp(claims->issued_at.usec);
	}
	identity->has_not_before = claims->not_before.present ||
		claims->issued_at.present;
	if (identity->has_not_before)
		identity->not_before = verify_timestamp(begin);
}

/*
 * A fingerprint of "len" bytes.  Cryptographic, since who may choose his name
 * must not be able to choose one that passes for somebody else.  Never 0.
 */
static uint64
fingerprint_of(const void *bytes, size_t len, uint64 present)
{
	uint8_t		digest[SHA256_SIZE];
	uint64		fingerprint;

	if (!crypto_sha256(bytes, len, digest))
		elog(ERROR, "could not compute the fingerprint of an identity");
	memcpy(&fingerprint, digest, sizeof(fingerprint));
	return (fingerprint ^ present << 1) | 1;
}

/*
 * Put who somebody is and what he may do; the fingerprint is over just that,
 * and over which of it is there at all.
 */
static void
put_principal(Identity *block, const Claims *claims, BlockOffset *index)
{
	BlockOffset begin = block->size;
	uint64		present = (claims->issuer == NULL ? 1 : 0) |
		(claims->user_id == NULL ? 2 : 0) |
		(claims->organisation == NULL ? 4 : 0);

	block->issuer = put_text(block, claims->issuer);
	block->user_id = put_text(block, claims->user_id);
	block->organisation = put_text(block, claims->organisation);
	block->roles = put_list(block, &claims->roles, NULL);
	block->permissions = put_list(block, &claims->permissions, index);
	block->fingerprint = fingerprint_of((char *) block + begin, block->size - begin,
										present);
}

/* Put the index over the permissions in order. */
static void
sort_permissions(Identity *block, const ClaimList *permissions, BlockOffset *index)
{
	block->npermissions = (uint32) permissions->count;
	qsort_arg(index, permissions->count, sizeof(BlockOffset), compare_indexed, block);
	for (int i = 0; i < permissions->count && !block->has_wildcards; i++)
		block->has_wildcards = strchr(permissions->items[i], '*') != NULL;
}

/*
 * Build the block of an identity, palloc'd.  "payload" is the JSON that the
 * claims were read from; "key_id" is NULL where no key was involved, and the
 * key's end infinity then.
 */
Identity *
identity_build(const Claims *claims, const char *key_id,
			   TimestampTz key_ends_at, const char *payload)
{
	Size		header = MAXALIGN(sizeof(Identity));
	Size		index_room = MAXALIGN(claims->permissions.count * sizeof(BlockOffset));
	Identity   *block;
	BlockOffset *index;

	/* Padding must be zero, since the fingerprint goes over it. */
	block = palloc0(header + index_room +
					text_room(claims->issuer) + text_room(claims->user_id) +
					text_room(claims->organisation) + list_room(&claims->roles) +
					list_room(&claims->permissions) + text_room(key_id) +
					text_room(claims->token_id) + text_room(claims->user_name) +
					text_room(claims->email) + text_room(payload));
	index = (BlockOffset *) ((char *) block + header);
	block->permission_index = (BlockOffset) header;
	block->size = (uint32) (header + index_room);

	put_principal(block, claims, index);
	sort_permissions(block, &claims->permissions, index);
	block->key_id = put_text(block, key_id);
	block->token_id = put_text(block, claims->token_id);
	block->user_name = put_text(block, claims->user_name);
	block->email = put_text(block, claims->email);
	block->claims = put_text(block, payload);

	set_times(block, claims);
	block->key_ends_at = key_ends_at;
	if (claims->organisation != NULL)
	{
		block->has_uuid = read_uuid(claims->organisation, &block->organisation_uuid);
		block->has_bigint = read_bigint(claims->organisation,
										&block->organisation_bigint);
	}
	return block;
}

/* Is a permission among those of the identity, letter for letter? */
static bool
search_permission(const Identity *identity, const char *permission, int len)
{
	const BlockOffset *index = IDENTITY_AT(identity, const BlockOffset, permission_index);
	uint32		low = 0;
	uint32		high = identity->npermissions;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		text	   *held = (text *) ((char *) identity + index[middle]);
		int			order = compare_bytes(permission, len, VARDATA_ANY(held),
										  (int) VARSIZE_ANY_EXHDR(held));

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Is this module:resource:action, three segments with no "*" in them? */
bool
permission_is_well_formed(const char *permission, int len)
{
	int			segments = 1;
	int			segment_len = 0;

	for (int i = 0; i < len; i++)
	{
		if (permission[i] == '*')
			return false;
		if (permission[i] != ':')
			segment_len++;
		else if (segment_len == 0 || ++segments > 3)
			return false;
		else
			segment_len = 0;
	}
	return segments == 3 && segment_len > 0;
}

/*
 * Does the identity hold a well-formed permission, by itself or through one
 * with "*" in any of its segments?
 */
bool
identity_holds_permission(const Identity *identity, const char *permission,
						  int len)
{
	const char *second = memchr(permission, ':', len);
	const char *third = memchr(second + 1, ':', permission + len - second - 1);
	StringInfoData pattern;
	bool		held = false;

	if (search_permission(identity, permission, len))
		return true;
	if (!identity->has_wildcards)
		return false;

	initStringInfo(&pattern);
	for (int stars = 1; stars < 8 && !held; stars++)
	{
		resetStringInfo(&pattern);
		appendBinaryStringInfo(&pattern, stars & 1 ? "*" : permission,
							   stars & 1 ? 1 : (int) (second - permission));
		appendStringInfoChar(&pattern, ':');
		appendBinaryStringInfo(&pattern, stars & 2 ? "*" : second + 1,
							   stars & 2 ? 1 : (int) (third - second - 1));
		appendStringInfoChar(&pattern, ':');
		appendBinaryStringInfo(&pattern, stars & 4 ? "*" : third + 1,
							   stars & 4 ? 1 : (int) (permission + len - third - 1));
		held = search_permission(identity, pattern.data, pattern.len);
	}
	pfree(pattern.data);
	return held;
}

/* Is a role among those of the identity, letter for letter? */
bool
identity_has_role(const Identity *identity, const char *role, int len)
{
	ArrayType  *roles = IDENTITY_ARRAY(identity, roles);
	int			count = ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles));
	char	   *element = ARR_DATA_PTR(roles);

	for (int i = 0; i < count; i++)
	{
		if (compare_bytes(role, len, VARDATA_ANY(element),
						  (int) VARSIZE_ANY_EXHDR(element)) == 0)
			return true;
		element = att_addlength_pointer(element, -1, element);
		element = (char *) att_align_nominal(element, TYPALIGN_INT);
	}
	return false;
}

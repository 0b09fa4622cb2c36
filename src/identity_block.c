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
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "verify.h"

/* What the index is sorted by while it is built. */
static const char *sort_base;

/* Compare two byte strings. */
static int
compare_bytes(const char *a, int a_len, const char *b, int b_len)
{
	int			order = memcmp(a, b, Min(a_len, b_len));

	return order != 0 ? order : a_len - b_len;
}

static int
compare_indexed(const void *a, const void *b)
{
	text	   *left = (text *) (sort_base + *(const BlockOffset *) a);
	text	   *right = (text *) (sort_base + *(const BlockOffset *) b);

	return compare_bytes(VARDATA_ANY(left), (int) VARSIZE_ANY_EXHDR(left),
						 VARDATA_ANY(right), (int) VARSIZE_ANY_EXHDR(right));
}

/* Append a value at the alignment of its type; its offset. */
static BlockOffset
append_value(StringInfo block, const void *value, int size)
{
	static const char zeros[MAXIMUM_ALIGNOF] = {0};
	BlockOffset offset = MAXALIGN(block->len);

	appendBinaryStringInfo(block, zeros, (int) offset - block->len);
	appendBinaryStringInfo(block, value, size);
	return offset;
}

/* Append a text; 0 for NULL. */
static BlockOffset
append_text(StringInfo block, const char *string)
{
	text	   *value;

	if (string == NULL)
		return 0;
	value = cstring_to_text(string);
	return append_value(block, value, (int) VARSIZE(value));
}

/* Append a text[]. */
static BlockOffset
append_list(StringInfo block, const ClaimList *list)
{
	Datum	   *values = palloc((list->count + 1) * sizeof(Datum));
	ArrayType  *array;

	for (int i = 0; i < list->count; i++)
		values[i] = CStringGetTextDatum(list->items[i]);
	array = list->count == 0 ? construct_empty_array(TEXTOID) :
		construct_array(values, list->count, TEXTOID, -1, false, TYPALIGN_INT);
	return append_value(block, array, (int) VARSIZE(array));
}

/* Append the index over a text[] that stands in the block without nulls. */
static BlockOffset
append_index(StringInfo block, BlockOffset array_offset, int count)
{
	BlockOffset *index = palloc((count + 1) * sizeof(BlockOffset));
	char	   *element = ARR_DATA_PTR((ArrayType *) (block->data + array_offset));

	for (int i = 0; i < count; i++)
	{
		index[i] = (BlockOffset) (element - block->data);
		element = att_addlength_pointer(element, -1, element);
		element = (char *) att_align_nominal(element, TYPALIGN_INT);
	}
	sort_base = block->data;
	qsort(index, count, sizeof(BlockOffset), compare_indexed);
	return append_value(block, index, count * (int) sizeof(BlockOffset));
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

/* Mix a string, or its absence, into a hash. */
static uint64
mix(uint64 hash, const char *string)
{
	if (string == NULL)
		return hash * UINT64CONST(0x9E3779B97F4A7C15) + 1;
	return hash_bytes_extended((const unsigned char *) string,
							   (int) strlen(string) + 1, hash);
}

/* A hash over who somebody is and what he may do; never 0. */
static uint64
fingerprint(const Claims *claims)
{
	uint64		hash = 1;

	hash = mix(hash, claims->issuer);
	hash = mix(hash, claims->user_id);
	hash = mix(hash, claims->organisation);
	for (int i = 0; i < claims->roles.count; i++)
		hash = mix(hash, claims->roles.items[i]);
	hash = mix(hash, NULL);
	for (int i = 0; i < claims->permissions.count; i++)
		hash = mix(hash, claims->permissions.items[i]);
	return hash | 1;
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
	if (claims->issued_at.present)
		begin = Max(begin, claims->issued_at.usec);
	identity->has_not_before = claims->not_before.present ||
		claims->issued_at.present;
	if (identity->has_not_before)
		identity->not_before = verify_timestamp(begin);
}

/*
 * Build the block of an identity, palloc'd.  "payload" is the JSON that the
 * claims were read from; "key_id" is NULL where no key was involved.
 */
Identity *
identity_build(const Claims *claims, const char *key_id, const char *payload)
{
	StringInfoData block;
	Identity	fixed;

	memset(&fixed, 0, sizeof(fixed));
	initStringInfo(&block);
	appendBinaryStringInfo(&block, (char *) &fixed, sizeof(fixed));

	fixed.fingerprint = fingerprint(claims);
	set_times(&fixed, claims);
	if (claims->organisation != NULL)
	{
		fixed.has_uuid = read_uuid(claims->organisation, &fixed.organisation_uuid);
		fixed.has_bigint = read_bigint(claims->organisation,
									   &fixed.organisation_bigint);
	}
	fixed.issuer = append_text(&block, claims->issuer);
	fixed.key_id = append_text(&block, key_id);
	fixed.token_id = append_text(&block, claims->token_id);
	fixed.user_id = append_text(&block, claims->user_id);
	fixed.user_name = append_text(&block, claims->user_name);
	fixed.email = append_text(&block, claims->email);
	fixed.organisation = append_text(&block, claims->organisation);
	fixed.claims = append_text(&block, payload);
	fixed.roles = append_list(&block, &claims->roles);
	fixed.permissions = append_list(&block, &claims->permissions);
	fixed.npermissions = (uint32) claims->permissions.count;
	fixed.permission_index = append_index(&block, fixed.permissions,
										  claims->permissions.count);
	for (int i = 0; i < claims->permissions.count; i++)
		fixed.has_wildcards |= strchr(claims->permissions.items[i], '*') != NULL;
	fixed.size = (uint32) block.len;

	memcpy(block.data, &fixed, sizeof(fixed));
	return (Identity *) block.data;
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

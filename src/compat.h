/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Everything that differs between PostgreSQL versions, in one place.
 *
 * No other file tests PG_VERSION_NUM.  The first half is for code that is
 * also compiled outside the server (FRONTEND), the second for the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_COMPAT_H
#define PINDAH_COMPAT_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "common/jsonapi.h"

/* 17 moved the allocation of the lexer to its caller. */
#if PG_VERSION_NUM >= 170000
#define make_json_lexer(text, len, encoding, need_escapes) \
	makeJsonLexContextCstringLen(NULL, (text), (len), (encoding), (need_escapes))
#else
#define make_json_lexer(text, len, encoding, need_escapes) \
	makeJsonLexContextCstringLen((char *) (text), (int) (len), (encoding), \
								 (need_escapes))
#endif

/* 18 renamed pg_attribute_noreturn() and put it in front. */
#define PINDAH_NORETURN	__attribute__((noreturn))

#ifndef FRONTEND

#include "storage/proc.h"
#include "utils/guc.h"

/* Local transaction id of this backend's running transaction. */
#if PG_VERSION_NUM >= 170000
#define MY_LOCAL_XID()	(MyProc->vxid.lxid)
#else
#define MY_LOCAL_XID()	(MyProc->lxid)
#endif

/*
 * Memory for a setting's "extra".  guc.c releases it with the matching free:
 * malloc's up to 15, its own memory context's from 16 on.
 */
#if PG_VERSION_NUM >= 160000
#define guc_extra_alloc(size)	guc_malloc(LOG, (size))
#define guc_value_alloc(text)	guc_strdup(LOG, (text))
#define guc_value_free(text)	guc_free(text)
#else
#define guc_extra_alloc(size)	malloc(size)
#define guc_value_alloc(text)	strdup(text)
#define guc_value_free(text)	free(text)
#endif

#if PG_VERSION_NUM >= 150000
#define SHMEM_IS_REQUESTED_BY_HOOK
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(name) EmitWarningsOnPlaceholders(name)
#endif

/* 16 hands out the settings with their number. */
#if PG_VERSION_NUM >= 160000
#define all_settings(count)	get_guc_variables(count)
#else
#define all_settings(count)	(*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/*
 * 16 sorts them each time, but links those that a transaction has changed, the
 * latest first.
 */
#if PG_VERSION_NUM >= 160000
#define CHANGED_SETTINGS_ARE_LINKED
#define changed_before(setting) \
	((setting)->stack_link.next == NULL ? NULL : \
	 slist_container(struct config_generic, stack_link, (setting)->stack_link.next))
#endif

/* 18 asks whether a deferrable primary key would do. */
#if PG_VERSION_NUM >= 180000
#define primary_key_index(relation)	RelationGetPrimaryKeyIndex((relation), false)
#else
#define primary_key_index(relation)	RelationGetPrimaryKeyIndex(relation)
#endif

/* Not a version but a platform: the names of the finer times of a file. */
#ifdef __APPLE__
#define STAT_MTIME(st)	((st).st_mtimespec)
#define STAT_CTIME(st)	((st).st_ctimespec)
#else
#define STAT_MTIME(st)	((st).st_mtim)
#define STAT_CTIME(st)	((st).st_ctim)
#endif

/* 18 lets a module tell its name and version. */
#if PG_VERSION_NUM >= 180000
#define PINDAH_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "pindah_auth", .version = PINDAH_VERSION)
#else
#define PINDAH_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 18 asks a library whether the bearer token of a connection is good. */
#if PG_VERSION_NUM >= 180000
#define PINDAH_HAS_OAUTH
#endif

/* 18 lets ExecutorRun be called once only, and dropped the argument. */
#if PG_VERSION_NUM >= 180000
#define EXECUTOR_RUN_ARGS \
	QueryDesc *query, ScanDirection direction, uint64 count
#define EXECUTOR_RUN_PASS	query, direction, count
#else
#define EXECUTOR_RUN_ARGS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define EXECUTOR_RUN_PASS	query, direction, count, execute_once
#endif

#endif							/* !FRONTEND */

#endif							/* PINDAH_COMPAT_H */

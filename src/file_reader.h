/*-------------------------------------------------------------------------
 *
 * file_reader.h
 *	  Small files that somebody else replaces while we look.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_FILE_READER_H
#define PINDAH_FILE_READER_H

#include "compat.h"

#include <sys/stat.h>

/* What tells that a path leads to the same file, unchanged. */
typedef struct FileStamp
{
	int			error;			/* errno of looking; the rest is 0 then */
	dev_t		device;
	ino_t		inode;
	off_t		size;
	mode_t		mode;
	struct timespec modified;
	struct timespec changed;
} FileStamp;

extern void file_look(const char *path, FileStamp *stamp);
extern bool file_stamps_equal(const FileStamp *a, const FileStamp *b);
extern bool file_is_settled(const FileStamp *stamp);
extern const char *file_read(const char *path, Size max_size, char **bytes,
							 Size *len, FileStamp *stamp);

#endif							/* PINDAH_FILE_READER_H */

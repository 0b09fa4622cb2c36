/*-------------------------------------------------------------------------
 *
 * file_reader.c
 *	  Small files that somebody else replaces while we look.
 *
 * A file is read only if it is a regular one that not everybody may write,
 * and is opened so that a FIFO or a device in its place stops nobody.  What
 * was read is whole: a file that changed meanwhile is refused.  Symbolic links
 * are followed, since that is how files are switched in containers.
 *
 * A leaf without state, which raises nothing but out of memory: it also serves
 * the postmaster.
 *
 *-------------------------------------------------------------------------
 */
#include "file_reader.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "storage/fd.h"

/* A file system tells times no finer than this, in seconds. */
#define COARSEST_TICK	2

/* Fill a stamp. */
static void
stamp_of(const struct stat *st, FileStamp *stamp)
{
	memset(stamp, 0, sizeof(*stamp));
	stamp->device = st->st_dev;
	stamp->inode = st->st_ino;
	stamp->size = st->st_size;
	stamp->mode = st->st_mode;
	stamp->modified = STAT_MTIME(*st);
	stamp->changed = STAT_CTIME(*st);
}

/* Look where a path leads, without opening it. */
void
file_look(const char *path, FileStamp *stamp)
{
	struct stat st;

	memset(stamp, 0, sizeof(*stamp));
	if (stat(path, &st) == 0)
		stamp_of(&st, stamp);
	else
		stamp->error = errno;
}

bool
file_stamps_equal(const FileStamp *a, const FileStamp *b)
{
	return a->error == b->error && a->device == b->device &&
		a->inode == b->inode && a->size == b->size && a->mode == b->mode &&
		a->modified.tv_sec == b->modified.tv_sec &&
		a->modified.tv_nsec == b->modified.tv_nsec &&
		a->changed.tv_sec == b->changed.tv_sec &&
		a->changed.tv_nsec == b->changed.tv_nsec;
}

/*
 * Would a change from now on show in the stamp?  A file that is written twice
 * within a tick of its file system's clock keeps its stamp.
 */
bool
file_is_settled(const FileStamp *stamp)
{
	time_t		age = time(NULL) - stamp->changed.tv_sec;

	return stamp->error != 0 || age < -COARSEST_TICK || age > COARSEST_TICK;
}

/* Why a file cannot be opened. */
static const char *
problem_of(int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return "it is not there";
	if (error == EACCES)
		return "the server may not read it";
	return "it cannot be opened";
}

/* What is wrong with a file before a byte of it is read, or NULL. */
static const char *
refuse_file(const FileStamp *stamp, Size max_size)
{
	if (stamp->error != 0)
		return problem_of(stamp->error);
	if (!S_ISREG(stamp->mode))
		return "it is not a regular file";
	if ((stamp->mode & S_IWOTH) != 0)
		return "everybody may write it";
	if (stamp->size > (off_t) max_size)
		return "it is too large";
	return NULL;
}

/* Read an open file from its beginning to its end. */
static const char *
read_open_file(int fd, Size max_size, char **bytes, Size *len, FileStamp *stamp)
{
	struct stat st;
	FileStamp	after;
	const char *problem;
	ssize_t		got = 0;

	if (fstat(fd, &st) != 0)
		return "it cannot be read";
	stamp_of(&st, stamp);
	problem = refuse_file(stamp, max_size);
	if (problem != NULL)
		return problem;

	*bytes = palloc((Size) stamp->size + 1);
	*len = 0;
	while (*len < (Size) stamp->size)
	{
		got = read(fd, *bytes + *len, (Size) stamp->size - *len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*len += (Size) got;
	}
	(*bytes)[*len] = '\0';
	if (got < 0 || fstat(fd, &st) != 0)
		return "it cannot be read";
	stamp_of(&st, &after);
	if (*len != (Size) stamp->size || !file_stamps_equal(stamp, &after))
		return "it was changed while it was read";
	return NULL;
}

/*
 * Read a whole file into palloc'd memory, with a NUL behind it.  NULL when
 * that worked, else a sentence that says why not; the stamp is filled always.
 */
const char *
file_read(const char *path, Size max_size, char **bytes, Size *len,
		  FileStamp *stamp)
{
	const char *volatile problem;
	int			fd;

	*bytes = NULL;
	*len = 0;
	file_look(path, stamp);
	problem = refuse_file(stamp, max_size);
	if (problem != NULL)
		return problem;
	fd = BasicOpenFile(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | PG_BINARY);
	if (fd < 0)
		return problem_of(errno);

	PG_TRY();
	{
		problem = read_open_file(fd, max_size, bytes, len, stamp);
	}
	PG_FINALLY();
	{
		close(fd);
	}
	PG_END_TRY();
	return problem;
}

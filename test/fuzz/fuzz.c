/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *	  What the fuzzers share.
 *
 * The rooms under test palloc and never free: in the server a memory context
 * does that.  Here each palloc is a malloc of its own size, so that the
 * address sanitizer sees its exact ends, and all of them are freed after
 * each input, so that the leak sanitizer sees only what OpenSSL was asked
 * for and never given back.  These definitions stand in for fe_memutils.o of
 * libpgcommon.
 *
 * The input is copied to the very end of a page that no page follows:
 * reading one byte too far is a crash, in code without sanitizers
 * (libpgcommon, libcrypto) as well.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#define MAX_INPUT		((size_t) 1 << 20)
#define MAX_ALLOCATIONS	((size_t) 1 << 20)

uint8_t		fuzz_fill = 0xA5;

static void *owned[MAX_ALLOCATIONS];
static size_t nowned = 0;
static size_t nlasting = 0;		/* the first ones, fuzz_begin's, stay */

static char *room;				/* MAX_INPUT bytes, and then nothing */
static char *poisoned_end;		/* where its poisoned part ends */

void
fuzz_fail(const char *property, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	abort();
}

/* Where an allocation stands in "owned"; the newest ones are asked for most. */
static size_t
place_of(const void *pointer)
{
	size_t		i = nowned;

	while (i > 0 && owned[i - 1] != pointer)
		i--;
	MUST(i > 0);
	return i - 1;
}

void *
palloc(Size size)
{
	void	   *pointer = malloc(size);

	MUST(pointer != NULL && nowned < MAX_ALLOCATIONS);
	memset(pointer, fuzz_fill, size);
	owned[nowned++] = pointer;
	return pointer;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) != 0 ? palloc0(size) : palloc(size);
}

void *
repalloc(void *pointer, Size size)
{
	size_t		place = place_of(pointer);

	owned[place] = realloc(pointer, size);
	MUST(owned[place] != NULL);
	return owned[place];
}

void
pfree(void *pointer)
{
	size_t		place;

	/* As the frontend's own does; the JSON parser of 18 counts on that. */
	if (pointer == NULL)
		return;
	place = place_of(pointer);
	free(pointer);
	owned[place] = owned[--nowned];
}

char *
pstrdup(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(palloc(size), text, size);
}

char *
pnstrdup(const char *text, Size len)
{
	char	   *copy;

	len = strnlen(text, len);
	copy = memcpy(palloc(len + 1), text, len);
	copy[len] = '\0';
	return copy;
}

static void
free_all(void)
{
	while (nowned > nlasting)
		free(owned[--nowned]);
}

/* Let the room be poison up to "end", and the rest not. */
static void
poison_up_to(char *end)
{
	if (end > poisoned_end)
		ASAN_POISON_MEMORY_REGION(poisoned_end, (size_t) (end - poisoned_end));
	else
		ASAN_UNPOISON_MEMORY_REGION(end, (size_t) (poisoned_end - end));
	poisoned_end = end;
}

/* Put the input where the room ends. */
static char *
place_input(const uint8_t *data, size_t size)
{
	char	   *start = room + MAX_INPUT - size;

	poison_up_to(start);
	if (size > 0)
		memcpy(start, data, size);
	return start;
}

void
fuzz_forget_input(void)
{
	memset(poisoned_end, 0xEE, (size_t) (room + MAX_INPUT - poisoned_end));
	poison_up_to(room + MAX_INPUT);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t		page = (size_t) sysconf(_SC_PAGESIZE);

	(void) argc;
	(void) argv;
	room = mmap(NULL, MAX_INPUT + page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(room != MAP_FAILED);
	MUST(mprotect(room + MAX_INPUT, page, PROT_NONE) == 0);
	poisoned_end = room;
	fuzz_begin();
	nlasting = nowned;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX_INPUT)
		return -1;
	fuzz_one(place_input(data, size), size);
	free_all();
	return 0;
}

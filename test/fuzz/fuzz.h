/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzzers share: an input that cannot be over-read unseen, memory
 *	  that is taken back after each input, and a check that aborts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_FUZZ_H
#define PINDAH_FUZZ_H

#include "compat.h"

#include "mb/pg_wchar.h"

/* A property that must hold, else this input is a finding. */
#define MUST(property) \
	do { \
		if (!(property)) \
			fuzz_fail(#property, __FILE__, __LINE__); \
	} while (0)

extern void fuzz_fail(const char *property, const char *file, int line) PINDAH_NORETURN;

/* Bytes that palloc'd memory is filled with: changes from reading to reading. */
extern uint8_t fuzz_fill;

/* From now on the input is gone: whoever still points into it is found out. */
extern void fuzz_forget_input(void);

/* Each fuzzer defines these two. */
extern void fuzz_begin(void);
extern void fuzz_one(const char *data, size_t len);

/* libFuzzer's. */
extern int	LLVMFuzzerInitialize(int *argc, char ***argv);
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
									  size_t max_size, unsigned int seed);

#endif							/* PINDAH_FUZZ_H */

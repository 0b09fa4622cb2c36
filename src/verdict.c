/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  The words of each verdict.  Constants only: see verdict.h.
 *
 *-------------------------------------------------------------------------
 */
#include "verdict.h"

typedef struct TokenWords
{
	const char *reason;
	const char *sentence;
	const char *hint;
} TokenWords;

typedef struct KeyWords
{
	const char *sentence;
	const char *hint;
} KeyWords;

#define TOKEN_WORDS(name, reason, sentence, hint) {reason, sentence, hint},
#define KEY_WORDS(name, sentence, hint) {sentence, hint},

static const TokenWords token_words[] = {TOKEN_VERDICTS(TOKEN_WORDS)};
static const KeyWords key_words[] = {KEY_VERDICTS(KEY_WORDS)};

/* The stable reason word of the SQL contract. */
const char *
token_verdict_reason(TokenVerdict verdict)
{
	return token_words[verdict].reason;
}

/* One plain sentence, lower case, no period. */
const char *
token_verdict_sentence(TokenVerdict verdict)
{
	return token_words[verdict].sentence;
}

/* A sentence that names the fix. */
const char *
token_verdict_hint(TokenVerdict verdict)
{
	return token_words[verdict].hint;
}

/* One plain sentence, lower case, no period. */
const char *
key_verdict_sentence(KeyVerdict verdict)
{
	return key_words[verdict].sentence;
}

/* A sentence that names the fix. */
const char *
key_verdict_hint(KeyVerdict verdict)
{
	return key_words[verdict].hint;
}

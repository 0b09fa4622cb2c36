/*-------------------------------------------------------------------------
 *
 * weak_secret.c
 *	  HMAC secrets that somebody can guess.
 *
 * A token tells whether a guess at its secret is right, offline and millions
 * of times a second; what crackers try first is what stands in tutorials.  So
 * a secret is known when it is one of those, or made of nothing but the words
 * that such examples are made of, or repeats itself, or counts.  Beyond that,
 * what looks like words or has few different bytes deserves a warning.
 *
 * Pure: no memory, no errors, no copy of a secret outlives a call.
 *
 *-------------------------------------------------------------------------
 */
#include "weak_secret.h"

#include <string.h>

#include "crypto.h"

/* Longer secrets are not read as words; nobody types that much. */
#define MAX_WORDS_SIZE	256
/* Fewer different bytes than this are too few for 32 random ones. */
#define MIN_DISTINCT	10
/* What repeats itself does so within this many bytes. */
#define MAX_REPEATING_SIZE	1024

/* Secrets of documentation that have no words in them, in hexadecimal. */
static const char *const known_secrets[] = {
	/* RFC 7515 appendix A.1, RFC 7520 section 3.5 */
	"0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebfd3fb5a92d20647ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3",
	"849b57219dae48de646d07dbb533566e976686457c1491be3a76dcea6c427188",
	/* The Spring Boot tutorials' */
	"404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970"
};

/* Known as text; the hexadecimal digits of the above are found as well. */
static const char *const known_texts[] = {
	/* FastAPI's and Hasura's documentation */
	"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
	"3ek6fdo0c7tzbnvfjpmkndi2yaraakzqlk8o2ikoxqu4nf7edah8s3twphwrdwt6r"
};

/* What the secrets of examples are made of, besides digits. */
static const char *const words[] = {
	"a", "abc", "abcdef", "abcdefghijklmnopqrstuvwxyz", "access", "admin", "an",
	"and", "api", "app", "application", "asecret", "at", "auth", "authentication",
	"authorization", "backend", "base", "be", "bit", "bits", "byte", "bytes",
	"change", "changed", "changeit", "changeme", "char", "character", "characters",
	"chars", "client", "code", "company", "complex", "default", "demo", "dev",
	"development", "do", "dummy", "encoded", "encryption", "enough", "example",
	"fake", "foo", "bar", "baz", "for", "generate", "generated", "goes", "hello",
	"here", "hmac", "hs", "in", "insecure", "insert", "is", "it", "jwt", "key", "keys",
	"least", "letmein", "local", "long", "longer", "longest", "master", "me", "minimum",
	"more", "must", "my", "needs", "new", "not", "of", "only", "or", "password",
	"please", "private", "prod", "production", "public", "put", "qwerty",
	"qwertyuiop", "asdf", "asdfghjkl", "zxcvbnm", "really", "replace", "root",
	"safe", "sample", "secret", "secretkey", "secrets", "secure", "security",
	"server", "sha", "should", "sign", "signature", "signing", "signingkey", "some",
	"something", "string", "strong", "super", "supersecret", "symmetric", "test",
	"testing", "than", "that", "the", "this", "to", "token", "tokens", "too", "top",
	"use", "user", "validation", "value", "verification", "very", "with", "word",
	"world", "you", "your"
};

static const char digits[] = "01234567890123456789";

#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

/* Does a byte string count up or down, or stand still? */
static bool
is_sequence(const uint8_t *secret, size_t len)
{
	uint8_t		step = (uint8_t) (secret[1] - secret[0]);

	for (size_t i = 1; i < len; i++)
	{
		if ((uint8_t) (secret[i] - secret[i - 1]) != step)
			return false;
	}
	return true;
}

/*
 * Is a byte string a shorter one, over and over?  Anybody may ask, and a secret
 * can be huge: so the period is looked for in its beginning only.  The least
 * one there is that of the whole, if that has any.
 */
static bool
is_repetition(const uint8_t *secret, size_t len)
{
	size_t		head = len < MAX_REPEATING_SIZE ? len : MAX_REPEATING_SIZE;

	for (size_t period = 1; period <= head / 2; period++)
	{
		if (memcmp(secret, secret + period, head - period) == 0)
			return memcmp(secret, secret + period, len - period) == 0;
	}
	return false;
}

/* Is a byte string all padding after a few bytes?  Gives what is before. */
static size_t
without_padding(const uint8_t *secret, size_t len)
{
	size_t		end = len;

	while (end > 1 && secret[end - 2] == secret[len - 1])
		end--;
	return len - end >= 3 ? end - 1 : len;
}

/* Write the letters and digits of a text in small letters; 0 if not a text. */
static size_t
fold_text(const uint8_t *secret, size_t len, char *folded)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
	{
		uint8_t		c = secret[i];

		if (c < ' ' || c > '~')
			return 0;
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t) (c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			folded[n++] = (char) c;
	}
	return n;
}

/* The hexadecimal digits of a secret; it has at most half of MAX_WORDS_SIZE. */
static void
write_hex(const uint8_t *secret, size_t len, char *hex)
{
	for (size_t i = 0; i < len; i++)
	{
		hex[2 * i] = "0123456789abcdef"[secret[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[secret[i] & 15];
	}
}

/* Is a text in a list? */
static bool
is_listed(const char *text, size_t len, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (strlen(list[i]) == len && memcmp(list[i], text, len) == 0)
			return true;
	}
	return false;
}

/* The length of the longest run of counting digits, or one letter, here. */
static size_t
run_length(const char *text, size_t len)
{
	size_t		run = 1;

	while (run < len && text[run] == text[0])
		run++;
	if (run >= 3)
		return run;
	if (text[0] < '0' || text[0] > '9')
		return 0;
	for (run = 1; run < len && run < 10 &&
		 text[run] == digits[text[0] - '0' + run]; run++)
		;
	return run >= 3 ? run : 0;
}

/*
 * Is a text nothing but the words of examples, digits that count, numbers of
 * up to four digits, and letters that are repeated?
 */
static bool
is_made_of_words(const char *text, size_t len)
{
	bool		reached[MAX_WORDS_SIZE + 1] = {true};

	for (size_t at = 0; at < len; at++)
	{
		size_t		run;

		if (!reached[at])
			continue;
		for (size_t i = 0; i < lengthof(words); i++)
		{
			size_t		size = strlen(words[i]);

			if (size <= len - at && memcmp(text + at, words[i], size) == 0)
				reached[at + size] = true;
		}
		run = run_length(text + at, len - at);
		for (size_t i = 1; i <= run; i++)
			reached[at + i] = true;
		for (size_t i = 1; i <= 4 && at + i <= len &&
			 text[at + i - 1] >= '0' && text[at + i - 1] <= '9' &&
			 (at == 0 || i > 1 || text[at - 1] < '0' || text[at - 1] > '9'); i++)
			reached[at + i] = true;
	}
	return reached[len];
}

/* Is it an example, as bytes, as hexadecimal digits or as text? */
static bool
is_example(const uint8_t *secret, size_t len)
{
	char		text[MAX_WORDS_SIZE];
	size_t		text_len;
	bool		known = false;

	if (len <= MAX_WORDS_SIZE / 2)
	{
		write_hex(secret, len, text);
		known = is_listed(text, 2 * len, known_secrets, lengthof(known_secrets));
	}
	if (!known && len <= MAX_WORDS_SIZE)
	{
		text_len = fold_text(secret, without_padding(secret, len), text);
		known = text_len > 0 &&
			(is_listed(text, text_len, known_secrets, lengthof(known_secrets)) ||
			 is_listed(text, text_len, known_texts, lengthof(known_texts)) ||
			 is_made_of_words(text, text_len));
	}
	crypto_wipe(text, sizeof(text));
	return known;
}

/* Does a secret look as if a person had typed it? */
static bool
looks_weak(const uint8_t *secret, size_t len)
{
	bool		seen[256] = {false};
	size_t		distinct = 0;
	size_t		in_words = 0;
	size_t		run = 0;

	for (size_t i = 0; i < len; i++)
	{
		bool		lower = secret[i] >= 'a' && secret[i] <= 'z';

		if (!seen[secret[i]])
			distinct++;
		seen[secret[i]] = true;

		/* Letters of one case, four and more in a row, are a word. */
		run = lower ? run + 1 : 0;
		if (run >= 4)
			in_words += run == 4 ? 4 : 1;
	}
	return distinct < MIN_DISTINCT || in_words * 2 > len;
}

/* How well would an HMAC secret withstand somebody who has a token? */
SecretStrength
weak_secret_judge(const uint8_t *secret, size_t len)
{
	if (len < 2 || is_sequence(secret, len) || is_repetition(secret, len) ||
		is_example(secret, len))
		return SECRET_IS_KNOWN;
	return looks_weak(secret, len) ? SECRET_LOOKS_WEAK : SECRET_LOOKS_RANDOM;
}

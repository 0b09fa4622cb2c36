-- A token that was presented before, as a pool presents it.

-- What a call costs inside one statement, less that of a placeholder.
DO $$
DECLARE
	token text := (SELECT t.token FROM bench.tokens t WHERE name = 'RS256' LIMIT 1);
	times float8[];
	ours float8;
BEGIN
	times := bench.measure(ARRAY[
		format('SELECT count(set_config(''pindah.token'', %L, true)) FROM generate_series(1, 5000)', token),
		format('SELECT count(set_config(''bench.placeholder'', %L, true)) FROM generate_series(1, 5000)', token)], 100);
	ours := (times[1] - times[2]) / 5000;
	PERFORM bench.report('RS256, the same token again: set_config()', bench.us(ours), 'a placeholder ' ||
		bench.us(times[2] / 5000), NULL, '≤ 2 µs', ours <= 2);
END $$;

-- Forty tokens in turn: every call changes the identity.
CREATE TABLE bench.forty AS SELECT token FROM bench.tokens WHERE name = 'RS256' LIMIT 40;
DO $$
DECLARE
	times float8[];
	ours float8;
BEGIN
	times := bench.measure(ARRAY[
		'SELECT count(set_config(''pindah.token'', token, true)) FROM generate_series(1, 100), bench.forty',
		'SELECT count(set_config(''bench.placeholder'', token, true)) FROM generate_series(1, 100), bench.forty'], 100);
	ours := (times[1] - times[2]) / 4000;
	PERFORM bench.report('RS256, forty tokens in turn: set_config()', bench.us(ours), 'a placeholder ' ||
		bench.us(times[2] / 4000), NULL, '≤ 2 µs', ours <= 2);
END $$;

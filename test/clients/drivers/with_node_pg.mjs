// node's pg with the token in `options`.
import pg from 'pg';

const { TOKEN, QUERY, PGHOST, PGPORT, PGDATABASE, PGUSER } = process.env;
const client = new pg.Client({
  host: PGHOST, port: PGPORT, database: PGDATABASE, user: PGUSER,
  ...(TOKEN ? { options: `-c pindah.token=${TOKEN}` } : {}),
});
client.on('error', () => {});
await client.connect();
const { rows } = await client.query({ text: QUERY, rowMode: 'array' });
console.log(rows[0].join(' '));
await client.end();

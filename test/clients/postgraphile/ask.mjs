// Send GraphQL requests, all at once, and print the answers in their order.
//
//   node ask.mjs URL < requests.json > answers.json
//
// A request is {"authorization", "query", "variables"}; an answer
// {"status", "body"}.
const read = async () => {
	let text = "";
	for await (const chunk of process.stdin) text += chunk;
	return JSON.parse(text);
};

const ask = async ({ authorization, query, variables }) => {
	const response = await fetch(process.argv[2], {
		method: "POST",
		headers: {
			accept: "application/json",
			"content-type": "application/json",
			...(authorization === undefined ? {} : { authorization }),
		},
		body: JSON.stringify({ query, variables }),
	});
	return { status: response.status, body: await response.json() };
};

console.log(JSON.stringify(await Promise.all((await read()).map(ask))));

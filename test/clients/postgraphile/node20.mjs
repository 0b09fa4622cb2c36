// PostGraphile wants Node.js 22, and all that Node.js 20 lacks of what it uses
// is this function (ECMAScript 2024).  To be imported before PostGraphile.
Promise.withResolvers ??= function () {
	const deferred = {};
	deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }));
	return deferred;
};

const Algorithmia = require("algorithmia");

const client = Algorithmia.client("simHARDCODED", "https://api.algorithmia.com");

// Does with data what the input says: by callbacks, as 0.3 of the package had them, else by promises.
exports.apply = function(input, cb) {
    if (typeof input === "string") {
        return cb(null, "hello " + input);
    }
    const file = client.file(input.path), dir = client.dir(input.path);
    const told = (response) => response && response.error ? cb(response.error.message) : cb(null, "done");
    if (input.do === "put") {
        file.putString(input.text, told);
    } else if (input.do === "get") {
        file.getString((body) => body.error ? cb(body.error.message) : cb(null, body));
    } else if (input.do === "bytes") {
        file.get((error, data) => cb(error, data));
    } else if (input.do === "make") {
        dir.create(told);
    } else if (input.do === "list") {
        const names = [];
        dir.forEachFile((error, item) => error ? cb(error) : names.push(item.basename()))
            .then(() => cb(null, names));
    } else if (input.do === "exists") {
        file.exists((there) => dir.exists((folder) => cb(null, [there, folder])));
    } else if (input.do === "delete") {
        (input.folder ? dir.delete(true) : file.delete()).then(() => cb(null, "done"), cb);
    } else if (input.do === "call") {
        client.algo(input.path).pipe(input.text).then(function(response) {
            try {
                cb(null, response.get());
            } catch (error) {
                cb(null, "failed: " + error.message);
            }
        });
    }
};

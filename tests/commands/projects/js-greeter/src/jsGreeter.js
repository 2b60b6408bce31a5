names = require("fs").readFileSync("names.txt", "utf8").trim().split("\n");

/**
 * API calls will begin at the apply() method, with the request body passed as 'input'
 * For more details, see algorithmia.com/developers/algorithm-development/languages
 */
exports.apply = function(input, cb) {
    if (Buffer.isBuffer(input)) {
        cb(null, Buffer.from(input).reverse());
    } else if (typeof input !== "string") {
        cb("give a name");
    } else {
        setTimeout(function() {
            cb(null, {greeting: "Hello " + input, known: names.indexOf(input) >= 0});
        }, 1);
    }
};

exports.load = function() {
    throw new Error("nothing calls this");
};

'use strict'
// What JavaScript has, as it is before the author's code runs, which may put others in its place.

const { BigInt, Buffer, Map, Number, Promise, Set, Symbol, TextDecoder, performance } = globalThis
const { parse, stringify } = JSON

module.exports = {
  JSON: { parse, stringify }, // whose own functions are replaced, too
  ...{ BigInt, Buffer, Map, Number, Promise, Set, Symbol, TextDecoder, performance },
}

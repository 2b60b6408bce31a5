'use strict'
// Mocha's words, for tests that were written for it: node:test runs them. Loaded before them.

const test = require('node:test')

// What `this` is in a test; how long one may take is not its own to say.
const self = { timeout: () => self, slow: () => self, retries: () => self }

/** Return what takes a function as Mocha does: with one parameter it waits to be told that it is done. */
const taken = (run) => (...words) => {
  const body = words.pop()
  if (typeof body !== 'function') return run(...words, body)
  return run(...words, body.length > 0 ? (_, done) => body.call(self, done) : () => body.call(self))
}
const suite = (name, body) => test.describe(name, () => body.call(self))

Object.assign(globalThis, { describe: suite, context: suite, it: taken(test.it), specify: taken(test.it) })
for (const name of ['before', 'after', 'beforeEach', 'afterEach']) globalThis[name] = taken(test[name])

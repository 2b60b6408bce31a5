'use strict'
// Mocha's words, for tests that were written for it: node:test runs them. Loaded before them.

const test = require('node:test')
const vm = require('node:vm')

// node:test says of a test that it stands where it was called: in the file that this runs.
const called = vm.compileFunction('return run(...words)', ['run', 'words'], { filename: process.argv[1] ?? __filename })

// What `this` is in a test; how long one may take is not its own to say.
const self = { timeout: () => self, slow: () => self, retries: () => self }

/** Return what takes a function as Mocha does: with one parameter it waits to be told that it is done. */
const taken = (run) => (...words) => {
  const body = words.pop()
  if (typeof body !== 'function') return called(run, [...words, body])
  return called(run, [...words, body.length > 0 ? (_, done) => body.call(self, done) : () => body.call(self)])
}
const suite = (name, body) => called(test.describe, [name, () => body.call(self)])

Object.assign(globalThis, { describe: suite, context: suite, it: taken(test.it), specify: taken(test.it) })
for (const name of ['before', 'after', 'beforeEach', 'afterEach']) globalThis[name] = taken(test[name])

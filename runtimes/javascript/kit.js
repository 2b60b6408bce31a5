'use strict'
// Code that was written for Algorithmia: nothing calls its `load`, and it answers by a callback.

const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { inspect } = require('node:util')

const CLIENT = path.join(__dirname, 'compat', 'algorithmia', 'index.js')

/**
 * Prepare for such code, whose relative paths begin at the project's folder.
 *
 * @param {{app: string, written_for?: string}} hello
 * @returns {Function | null} what makes its function one of ours; null for other code.
 */
function written(hello) {
  if (hello.written_for !== 'algorithmia') return null
  process.chdir(hello.app)
  const resolve = Module._resolveFilename
  // The package of that name asks a service that is no more, with the key that stands in the code.
  Module._resolveFilename = function (request, ...more) {
    return request === 'algorithmia' ? CLIENT : resolve.call(this, request, ...more)
  }
  Module.register?.(pathToFileURL(path.join(__dirname, 'kit.mjs')), { data: pathToFileURL(CLIENT).href })
  return (apply, file, name) => answering(apply, file, name, hello.app)
}

/** Return what calls `apply`, which takes a callback where it takes two arguments. */
function answering(apply, file, name, app) {
  if (typeof apply !== 'function') throw new Error(`${file} exports no function ${name}`)
  if (apply.length < 2) return (input) => apply(input)
  return (input) => {
    let settle
    const answer = new Promise((resolve, reject) => (settle = { resolve, reject }))
    try { // not within the promise, which the stack trace would name
      apply(input, (error, result) => (error ? settle.reject(thrown(error, app)) : settle.resolve(result)))
    } catch (error) {
      settle.reject(error)
    }
    return answer
  }
}

/**
 * Return what a callback was told as an error, which is often a text, or an object with a message. What
 * Node.js or our client made has no frame of the author's: the one that called back is his.
 */
function thrown(error, app) {
  if (error instanceof Error && String(error.stack).includes(`${app}${path.sep}`)) return error
  if (error.message && typeof error.message === 'string') return new Error(error.message, { cause: error })
  return new Error(typeof error === 'object' ? inspect(error) : String(error))
}

module.exports = { written }

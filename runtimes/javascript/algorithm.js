'use strict'
// The author's module: `apply`, and what may stand beside it.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { written } = require('./kit')
const { use } = require('./packages')
const { decode } = require('./values')

/** The entry is there and has not what the contract asks for. */
class BadEntry extends Error {}

// What a compiler to JavaScript says of the types, beside what it compiled.
const SCHEMA = 'algo.schema.json'
const GENERATORS = new Set(['GeneratorFunction', 'AsyncGeneratorFunction'])

/**
 * Import the entry and call its `load`.
 *
 * @param {{app: string, packages: string?, entrypoint: string, models: Record<string, string>}} hello
 * @param {string} root Where the code lies: in `app`, or where it was compiled to.
 * @returns {Promise<Algorithm>}
 * @throws Whatever the author's code throws.
 */
async function load(hello, root) {
  const at = hello.entrypoint.lastIndexOf(':')
  const [file, name] = [hello.entrypoint.slice(0, at), hello.entrypoint.slice(at + 1)]
  const compiled = root !== hello.app
  const entry = path.join(root, compiled ? file.replace(/\.([cm]?)tsx?$/, '.$1js') : file)
  if (!fs.existsSync(entry)) throw new BadEntry(`${file} is not there`)
  if (hello.packages && fs.existsSync(path.join(hello.packages, 'node_modules'))) use(hello.packages)
  const old = written(hello)
  let module
  try {
    module = await import(pathToFileURL(entry).href)
  } catch (error) {
    if (error instanceof SyntaxError) Object.defineProperty(error, 'entry', { value: entry })
    throw error
  }
  const find = (wanted) => module[wanted] ?? module.default?.[wanted]
  if (old) return new Algorithm({ apply: old(find(name), file, name), batch: false, stateful: false }, {})
  const batch = /^apply_?batch$/i.test(name) ? find(name) : find('applyBatch') ?? find('apply_batch')
  const apply = batch ?? find(name)
  if (typeof apply !== 'function') throw new BadEntry(`${file} exports no function ${name}`)
  const loader = find('load')
  const models = Object.fromEntries(
    Object.entries(hello.models ?? {}).map(([key, below]) => [key, path.join(hello.app, below)]),
  )
  const state = typeof loader === 'function' ? await loader(models) : undefined
  const types = compiled ? JSON.parse(fs.readFileSync(path.join(root, SCHEMA), 'utf8')) : {}
  return new Algorithm({ apply, state, batch: batch !== undefined, stateful: typeof loader === 'function' }, types)
}

/** Tell whether a compiler left its result in `folder`. */
function isCompiled(folder) {
  return fs.existsSync(path.join(folder ?? '', SCHEMA))
}

class Algorithm {
  constructor({ apply, state, batch, stateful }, types) {
    this.apply = apply
    this.state = state
    this.batch = batch
    this.stateful = stateful
    this.isAsync = apply.constructor.name.startsWith('Async')
    /** What is known of the types. */
    this.schema = GENERATORS.has(apply.constructor.name) ? { streams: true, ...types } : types
    const check = types.input ? require('./typed').reader(types.input) : (value) => value
    /** Return the input that a body of a content type holds. */
    this.read = (body, kind) => check(decode(body, kind))
  }

  call(input) {
    const { apply } = this // without us as its `this`
    return this.stateful ? apply(input, this.state) : apply(input)
  }
}

module.exports = { load, isCompiled }

'use strict'
// The author's module: `apply`, and what may stand beside it.

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { written } = require('./kit')
const { use } = require('./packages')

/** The entry is there and has not what the contract asks for. */
class BadEntry extends Error {}

const GENERATORS = new Set(['GeneratorFunction', 'AsyncGeneratorFunction'])

/**
 * Import the entry and call its `load`.
 *
 * @param {{app: string, packages: string?, entrypoint: string, models: Record<string, string>}} hello
 * @returns {Promise<Algorithm>}
 * @throws Whatever the author's code throws.
 */
async function load(hello) {
  const at = hello.entrypoint.lastIndexOf(':')
  const [file, name] = [hello.entrypoint.slice(0, at), hello.entrypoint.slice(at + 1)]
  const entry = path.join(hello.app, file)
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
  if (old) return new Algorithm(old(find(name), file, name), undefined, false, false)
  const batch = /^apply_?batch$/i.test(name) ? find(name) : find('applyBatch') ?? find('apply_batch')
  const apply = batch ?? find(name)
  if (typeof apply !== 'function') throw new BadEntry(`${file} exports no function ${name}`)
  const loader = find('load')
  const models = Object.fromEntries(
    Object.entries(hello.models ?? {}).map(([key, below]) => [key, path.join(hello.app, below)]),
  )
  const state = typeof loader === 'function' ? await loader(models) : undefined
  return new Algorithm(apply, state, batch !== undefined, typeof loader === 'function')
}

class Algorithm {
  constructor(apply, state, batch, stateful) {
    this.apply = apply
    this.state = state
    this.batch = batch
    this.stateful = stateful
    this.streams = GENERATORS.has(apply.constructor.name)
    this.isAsync = apply.constructor.name.startsWith('Async')
  }

  call(input) {
    const { apply } = this // without us as its `this`
    return this.stateful ? apply(input, this.state) : apply(input)
  }

  /** What can be known of it without types. */
  get schema() {
    return this.streams ? { streams: true } : {}
  }
}

module.exports = { load }

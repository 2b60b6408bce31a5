'use strict'
// What code written for Algorithmia uses of the package of this name, over the API of the gateway.
// Its own (0.3) answers by callbacks, the last one (1) by promises: what takes a callback here calls it,
// and returns a promise where it got none.

const fs = require('node:fs')
const path = require('node:path')
const http = require('node:http')
const https = require('node:https')

class Client {
  // The gateway's address and key count before those that stood in the code.
  constructor(key, address) {
    const here = process.env.ALGORITHMIA_API
    this.apiAddress = (here || address || 'https://api.algorithmia.com').replace(/\/+$/, '')
    const known = (here && process.env.ALGORITHMIA_API_KEY) || key || ''
    this.apiKey = known && !known.startsWith('Simple ') ? `Simple ${known}` : known
  }

  algo(name) {
    return new Algorithm(this, name)
  }

  file(uri) {
    return new File(this, uri)
  }

  dir(uri) {
    return new Dir(this, uri)
  }

  /** Ask for a path below the address; resolves to status, headers and body, whatever the status. */
  ask(method, below, body = '', type = 'application/octet-stream') {
    return new Promise((resolve, reject) => {
      const address = new URL(this.apiAddress + below)
      const content = Buffer.from(body)
      const headers = { 'Content-Type': type, 'Content-Length': content.length }
      if (this.apiKey) headers.Authorization = this.apiKey
      const send = address.protocol === 'https:' ? https.request : http.request
      const request = send(address, { method, headers }, (answer) => {
        const pieces = []
        answer.on('data', (piece) => pieces.push(piece))
        answer.on('error', reject)
        answer.on('end', () => {
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) })
        })
      })
      request.on('error', reject)
      request.end(content)
    })
  }
}

class Algorithm {
  constructor(client, name) {
    this.client = client
    this.algo_path = name.replace(/^algo:\/\/|^\//, '')
  }

  /** Call it; the promise is kept, and what went wrong stands in the answer's `error`. */
  pipe(input) {
    if (Buffer.isBuffer(input)) return this.#call(input, 'application/octet-stream')
    if (typeof input === 'string') return this.#call(input, 'text/plain')
    return this.#call(JSON.stringify(input), 'application/json')
  }

  pipeJson(json) {
    if (typeof json !== 'string') throw new TypeError(`Cannot convert ${typeof json} to string`)
    return this.#call(json, 'application/json')
  }

  async #call(body, type) {
    try {
      const answer = await this.client.ask('POST', `/v1/algo/${this.algo_path}`, body, type)
      return new AlgoResponse(JSON.parse(answer.body), answer.status)
    } catch (error) {
      return new AlgoResponse({ error: { message: error.message } }, 500)
    }
  }
}

class AlgoResponse {
  constructor(document, status) {
    this.status = status
    this.result = document.result
    this.error = document.error
    this.metadata = document.metadata
  }

  get() {
    if (this.error) throw new Error(this.error.message)
    if (this.metadata.content_type === 'binary') return Buffer.from(this.result, 'base64')
    return this.metadata.content_type === 'void' ? null : this.result
  }
}

/** Return what the API says of an answer that is no success, null of one that is. */
function refusal({ status, headers, body }) {
  if (status >= 200 && status < 300) return null
  let told = {}
  try {
    told = JSON.parse(body).error
  } catch {} // a HEAD has no body
  return Object.assign(new Error(told?.message ?? headers['x-error-message'] ?? `status ${status}`), { status })
}

/** Settle an answer by a callback, which gets what `tell` makes of it, or by a promise of its value. */
function settled(asked, callback, value, tell) {
  if (typeof callback !== 'function') {
    return asked.then((answer) => {
      const error = refusal(answer)
      if (error) throw error
      return value(answer)
    })
  }
  asked.then(
    (answer) => tell(callback, refusal(answer), answer),
    (error) => tell(callback, error, { status: 500, headers: {}, body: Buffer.alloc(0) }),
  )
}

// How callbacks were called: with what was read, or `{error}`, and the status.
const plainly = (value) => (callback, error, answer) =>
  callback(error ? { error: { message: error.message } } : value(answer), answer.status)
const document = ({ body }) => JSON.parse(body.toString() || '{}')
const text = ({ body }) => body.toString()
const bytes = ({ body }) => body

class Data {
  constructor(client, uri) {
    this.client = client
    this.data_path = uri.replace(/^data:\/\//, '').replace(/^\/+|\/+$/g, '')
  }

  get url() {
    return `/v1/data/${this.data_path.split('/').map(encodeURIComponent).join('/')}`
  }

  basename() {
    return path.posix.basename(this.data_path)
  }

  baseName() {
    return this.basename()
  }

  parent() {
    const at = this.data_path.lastIndexOf('/')
    return at < 0 ? null : new Dir(this.client, this.data_path.slice(0, at))
  }

  exists(callback) {
    const asked = this.client.ask('HEAD', this.url)
    const there = ({ status, headers }) => {
      return status === 200 && (headers['x-data-type'] === 'directory') === this instanceof Dir
    }
    if (typeof callback !== 'function') return asked.then(there)
    asked.then((answer) => callback(there(answer), answer.status), () => callback(false, 500))
  }

  _send(method, body, type, callback, query = '') {
    const asked = this.client.ask(method, this.url + query, body, type)
    return settled(asked, callback, document, plainly(document))
  }
}

class File extends Data {
  get(callback) {
    const tell = (to, error, answer) => to(error, error ? null : bytes(answer))
    return settled(this.client.ask('GET', this.url), callback, bytes, tell)
  }

  getString(callback) {
    return settled(this.client.ask('GET', this.url), callback, text, plainly(text))
  }

  getJson(callback) {
    return settled(this.client.ask('GET', this.url), callback, document, plainly(document))
  }

  put(content, callback) {
    return this._send('PUT', content, 'application/octet-stream', callback)
  }

  putString(content, callback) {
    return this._send('PUT', content, 'text/plain', callback)
  }

  putJson(content, callback) {
    const json = typeof content === 'string' ? content : JSON.stringify(content)
    return this._send('PUT', json, 'application/json', callback)
  }

  delete(callback) {
    return this._send('DELETE', '', 'text/plain', callback)
  }
}

class Dir extends Data {
  create(callback) {
    const asked = this.client.ask('POST', this.parent().url, JSON.stringify({ name: this.basename() }), 'application/json')
    return settled(asked, callback, document, plainly(document))
  }

  delete(force, callback) {
    return this._send('DELETE', '', 'text/plain', callback, force === true ? '?force=true' : '')
  }

  file(name) {
    return new File(this.client, `${this.data_path}/${name}`)
  }

  put(name, content, callback) {
    return this.file(name).put(content, callback)
  }

  putFile(place, callback) {
    return this.file(path.basename(place)).put(fs.readFileSync(place), callback)
  }

  get(callback) {
    return settled(this.client.ask('GET', this.url), callback, document, plainly(document))
  }

  iterator() {
    const items = this.#items()
    return {
      next(callback) {
        items.next().then(({ value }) => callback(null, value), (error) => callback(error, undefined))
      },
    }
  }

  forEach(callback) {
    return this.#each(callback, () => true)
  }

  forEachFile(callback) {
    return this.#each(callback, (item) => item instanceof File)
  }

  forEachDir(callback) {
    return this.#each(callback, (item) => item instanceof Dir)
  }

  async #each(callback, wanted) {
    try {
      for await (const item of this.#items()) if (wanted(item)) callback(null, item)
    } catch (error) {
      callback(error, undefined)
    }
  }

  async *#items() {
    let marker
    do {
      const query = marker === undefined ? '' : `?marker=${encodeURIComponent(marker)}`
      const page = await settled(this.client.ask('GET', this.url + query), undefined, document)
      for (const { name } of page.folders ?? []) yield new Dir(this.client, `${this.data_path}/${name}`)
      for (const { filename, ...known } of page.files ?? []) yield Object.assign(this.file(filename), known)
      marker = page.marker
    } while (marker !== undefined)
  }
}

const algorithmia = (key, address) => new Client(key, address)
let usual
const ours = () => (usual ??= new Client())

// One by one, as Node.js finds the names that code may `import` by reading them.
module.exports = algorithmia
module.exports.default = algorithmia
module.exports.client = algorithmia
module.exports.getClient = algorithmia
module.exports.algo = (name) => ours().algo(name)
module.exports.file = (uri) => ours().file(uri)
module.exports.dir = (uri) => ours().dir(uri)

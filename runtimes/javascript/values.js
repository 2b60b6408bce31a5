'use strict'
// What goes in and comes out: JSON is the natural value, strings are text, Uint8Array is binary.

const { isUtf8 } = require('node:buffer')
const { BigInt, Buffer, JSON, Map, Number, Set, TextDecoder } = require('./natives')
const { told, wrong } = require('./position')

const JSON_TYPE = 'application/json'
const FORM = 'application/x-www-form-urlencoded'
const PARTS = 'application/vnd.algo.parts'
const TEXT = 'text/plain; charset=utf-8'
const BINARY = 'application/octet-stream'
const MOST_DEPTH = 100
// Integers that a number cannot hold exactly come as BigInt, and go out as the integers they are.
const LARGE_INTEGER = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/
// What no double holds would become Infinity, which is no value of JSON. With an exponent of two
// digits, a number of fewer fits.
const MAY_BE_INFINITE = /[eE]\+?\d{3}|\d{200}/
const QUOTE_OR_NUMBER = /"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const QUOTE_OR_LARGE = new RegExp(`"|${LARGE_INTEGER.source}`, 'g')
// What V8 adds to a message: the place, or the text itself.
const QUOTED = /,? (?:in JSON )?at position .*|, (?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON/s
// Drawn anew in each process, so that no text of a caller's has it.
const MARK = `integer ${crypto.randomUUID()}:`
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** The request's body is not what its content type says. */
class BadInput extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

/** The algorithm's result cannot be sent. */
class BadResult extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

/**
 * Return the value of a request's body. A form, which plain `curl -d` claims to send, counts as JSON.
 *
 * @param {Buffer} body
 * @param {string} contentType
 * @throws {BadInput} It is no valid JSON (with the position), or not UTF-8 (with the byte).
 */
function decode(body, contentType) {
  if (contentType === JSON_TYPE) return parse(utf8(body))
  const [first, ...parameters] = contentType.split(';')
  const kind = first.trim().toLowerCase() || JSON_TYPE
  if (kind === JSON_TYPE || kind === FORM || kind.endsWith('+json')) return parse(utf8(body))
  if (kind.startsWith('text/')) return text(body, parameters)
  if (kind === PARTS) return parts(body)
  return body
}

function text(body, parameters) {
  const named = parameters.map((one) => one.trim().match(/^charset="?([^"]*)"?$/i)?.[1]).find(Boolean)
  if (named === undefined) return utf8(body)
  let decoder
  try {
    decoder = new TextDecoder(named, { fatal: true, ignoreBOM: true })
  } catch {
    throw new BadInput('unknown_charset', `there is no charset ${named}`)
  }
  try {
    return decoder.decode(body)
  } catch {
    throw new BadInput('not_utf8', `the body is not ${named}`)
  }
}

function utf8(body) {
  if (isUtf8(body)) return body.toString()
  // The longest beginning that is valid, when what is cut off at its end counts as valid.
  const stream = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const at = longest(body.length, (end) => stream().decode(body.subarray(0, end), { stream: true }))
  throw new BadInput('not_utf8', `the body is not UTF-8 at byte ${at}`)
}

function parse(source) {
  try {
    if (MAY_BE_INFINITE.test(source)) finite(source)
    const found = JSON.parse(source)
    if (!LARGE_INTEGER.test(source)) return found
    return JSON.parse(marked(source), (_, value) =>
      typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
    )
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw malformed(source, wrong(source), error.message.replace(QUOTED, ''))
  }
}

function malformed(source, at, what) {
  return new BadInput('malformed_json', `the body is not JSON: ${what} at ${told(source, at)}`)
}

/** Return JSON with the integers marked that a number cannot hold. */
function marked(source) {
  const pieces = []
  let from = 0
  for (const { 0: found, index } of outside(source, QUOTE_OR_LARGE)) {
    if (Number.isSafeInteger(Number(found))) continue
    pieces.push(source.slice(from, index), `"${MARK}${found}"`)
    from = index + found.length
  }
  return pieces.join('') + source.slice(from)
}

/**
 * Yield what matches besides quotes, outside of the strings of JSON.
 *
 * One pattern for a whole string would need more stack than V8 has for some megabytes.
 */
function* outside(source, pattern) {
  let at = 0
  for (;;) {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (!found) return
    at = found[0] === '"' ? behind(source, found.index) : pattern.lastIndex
    if (found[0] !== '"') yield found
  }
}

/** Return the index behind the string that begins at `quote`. */
function behind(source, quote) {
  for (let end = quote; ; ) {
    end = source.indexOf('"', end + 1)
    let escapes = 0
    while (source[end - 1 - escapes] === '\\') escapes += 1
    if (escapes % 2 === 0) return end + 1
  }
}

/** Refuse JSON that has a number beyond all doubles; integers come as BigInt, and have no end. */
function finite(source) {
  JSON.parse(source)
  for (const { 0: found, index } of outside(source, QUOTE_OR_NUMBER)) {
    if (/[.eE]/.test(found) && !Number.isFinite(Number(found))) {
      throw malformed(source, index, 'the number is too large')
    }
  }
}

/** Return the largest `end` up to `length` for which `check` and all below it do not throw. */
function longest(length, check) {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    try {
      check(middle)
      low = middle
    } catch {
      high = middle - 1
    }
  }
  return low
}

/** Return the value that is made of the parts of a form. */
function parts(body) {
  const root = []
  try {
    let at = 4 + body.readUInt32LE(0)
    for (const part of JSON.parse(body.toString('utf8', 4, at))) {
      const end = at + part.length
      if (!(end <= body.length)) throw new Error('the body ends within a part')
      put(root, [0, ...part.path], decode(body.subarray(at, end), part.content_type))
      at = end
    }
  } catch (error) {
    if (error instanceof BadInput) throw error
    throw new BadInput('malformed_parts', `the parts of the body are malformed: ${error.message}`)
  }
  return root.length ? root[0] : {}
}

function put(root, path, content) {
  if (path.length > MOST_DEPTH) throw new Error('a path is too long')
  let holder = root
  path.forEach((key, index) => {
    const known = Array.isArray(holder)
      ? Number.isInteger(key) && key >= 0 && key <= holder.length
      : typeof key === 'string'
    if (!known) throw new Error(`nothing can be put at ${JSON.stringify(key)}`)
    const next = path[index + 1]
    let found = Object.hasOwn(holder, key) ? holder[key] : undefined
    if (next === undefined) found = content
    else if (found === null || typeof found !== 'object' || ArrayBuffer.isView(found)) {
      found = typeof next === 'string' ? {} : []
    }
    // A plain assignment to `__proto__` would change the holder, not one of its keys.
    Object.defineProperty(holder, key, { value: found, writable: true, enumerable: true, configurable: true })
    holder = found
  })
}

/**
 * Return the content type and the bytes of a result.
 *
 * @returns {[string, Buffer]}
 * @throws {BadResult} JSON has no such value.
 */
function encode(value) {
  if (Number.isFinite(value)) return [JSON_TYPE, Buffer.from(String(value))]
  if (typeof value === 'string') {
    if (!value.isWellFormed()) {
      throw new BadResult('result_not_serialisable', 'the result is text with half a surrogate pair')
    }
    return [TEXT, Buffer.from(value)]
  }
  if (value instanceof ArrayBuffer) return [BINARY, Buffer.from(value)]
  if (value instanceof Uint8Array) {
    return [BINARY, Buffer.from(value.buffer, value.byteOffset, value.byteLength)]
  }
  let large = false
  // `this[key]` is the value before its toJSON, which a Buffer has.
  const natural = function (key, written) {
    const kind = typeof written
    if (kind === 'number') {
      if (Number.isFinite(written)) return written
      throw new BadResult('result_not_finite', 'the result holds NaN or Infinity, which JSON has not')
    }
    if (kind === 'bigint') {
      large = true
      return MARK + written
    }
    if (kind === 'function' || kind === 'symbol') {
      throw new BadResult('result_not_serialisable', `the result is not JSON: a ${kind} has no JSON form`)
    }
    if (kind !== 'object' || written === null) return written
    const original = this[key]
    if (original instanceof Uint8Array) return Buffer.from(original).toString('base64')
    if (ArrayBuffer.isView(written) && !(written instanceof DataView)) return Array.from(written)
    if (written instanceof Map) return Object.fromEntries(written)
    if (written instanceof Set) return [...written]
    return written
  }
  let source
  try {
    source = JSON.stringify(value === undefined ? null : value, natural)
  } catch (error) {
    if (error instanceof BadResult) throw error
    throw new BadResult('result_not_serialisable', `the result is not JSON: ${error.message.split('\n')[0]}`)
  }
  return [JSON_TYPE, Buffer.from(large ? source.replace(MARKED, '$1') : source)]
}

module.exports = { decode, encode, BadInput, BadResult }

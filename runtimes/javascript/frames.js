'use strict'
// Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md).

const fs = require('node:fs')
const net = require('node:net')
const { Buffer, JSON, Number } = require('./natives')

const LENGTHS = 12
const MAX_HEADER = 1 << 20
const MAX_BODY = 2 ** 34
const EMPTY = Buffer.alloc(0)
const LOOK_BYTES = 1 << 20
const SMALL = 1 << 16 // a body that is copied behind its header rather than written by itself
// A call with JSON and nothing else, as nearly all are, need not be parsed.
const PLAIN = /^\{"type":"call","id":(\d+),"content_type":"application\/json"\}$/

class ProtocolError extends Error {}

/** Nobody reads what we write: the gateway is gone. */
class Gone extends Error {}

/**
 * Reads frames as they come and writes frames at once.
 *
 * Reading is driven by the event loop; `look` reads what is there in between, so that a function
 * that blocks the loop does not keep us from seeing that a call was taken back.
 */
class Frames {
  /**
   * @param {number} source Where requests are read.
   * @param {number} sink Where replies are written.
   * @param {{frame: Function, end: Function, fail: Function}} on Take a frame, the end, an error.
   */
  constructor(source, sink, on) {
    this.source = source
    this.sink = sink
    this.on = on
    this.pieces = []
    this.held = 0
    this.wanted = LENGTHS
    this.lengths = null
    this.buffer = null
  }

  /** Read until the pipe is closed. */
  listen() {
    const pipe = new net.Socket({ fd: this.source, readable: true, writable: false })
    pipe.on('data', (data) => this.guarded(() => this.take(data)))
    pipe.on('end', () => this.on.end())
    pipe.on('error', () => this.on.end())
  }

  /** Take what the pipe holds now, without waiting. */
  look() {
    this.take(EMPTY) // frames that came together with the one that is being handled
    this.buffer ??= Buffer.allocUnsafe(LOOK_BYTES)
    for (let seen = 0; seen < LOOK_BYTES; ) {
      let count
      try {
        count = fs.readSync(this.source, this.buffer, 0, LOOK_BYTES, null)
      } catch (error) {
        if (error.code === 'EAGAIN') return
        throw error
      }
      if (count === 0) return this.on.end()
      seen += count
      this.take(Buffer.from(this.buffer.subarray(0, count)))
    }
  }

  /** Run `action`; what it throws goes to `fail`. */
  guarded(action) {
    try {
      action()
    } catch (error) {
      this.on.fail(error)
    }
  }

  /** Add bytes; hand over the frames that are whole. */
  take(data) {
    if (data.length) this.pieces.push(data)
    this.held += data.length
    while (this.held >= this.wanted) {
      const whole = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces)
      const found = whole.subarray(0, this.wanted)
      const rest = whole.subarray(this.wanted)
      this.pieces = rest.length ? [rest] : []
      this.held = rest.length
      if (this.lengths === null) this.begin(found)
      else this.finish(found)
    }
  }

  begin(found) {
    const header = found.readUInt32LE(0)
    const body = Number(found.readBigUInt64LE(4))
    if (header > MAX_HEADER || body > MAX_BODY) {
      throw new ProtocolError(`a frame of ${header} and ${body} bytes is too large`)
    }
    this.lengths = [header, body]
    this.wanted = header + body
  }

  finish(found) {
    const [length] = this.lengths
    this.lengths = null
    this.wanted = LENGTHS
    this.on.frame(parse(found.toString('utf8', 0, length)), found.subarray(length))
  }

  /** Write a frame; waits while the pipe is full. */
  write(header, body = EMPTY) {
    this.send(JSON.stringify(header), body)
  }

  /** Write a result, or a piece of one; `kind` is a content type of ours, which needs no escapes. */
  answer(type, id, kind, body) {
    this.send(`{"type":"${type}","id":${id},"content_type":"${kind}"}`, body)
  }

  send(text, body) {
    const length = Buffer.byteLength(text)
    const together = body.length <= SMALL
    const head = Buffer.allocUnsafe(LENGTHS + length + (together ? body.length : 0))
    head.writeUInt32LE(length, 0)
    head.writeUInt32LE(body.length % 2 ** 32, 4)
    head.writeUInt32LE(Math.floor(body.length / 2 ** 32), 8)
    head.write(text, LENGTHS)
    if (together) head.set(body, LENGTHS + length)
    let rest = together ? [head] : [head, body]
    while (rest.length) {
      let written = this.put(rest)
      while (rest.length && written >= rest[0].length) written -= rest.shift().length
      if (written) rest[0] = rest[0].subarray(written)
    }
  }

  put(pieces) {
    try {
      return pieces.length === 1 ? fs.writeSync(this.sink, pieces[0]) : fs.writevSync(this.sink, pieces)
    } catch (error) {
      throw error.code === 'EPIPE' ? new Gone('nobody reads any more') : error
    }
  }
}

function parse(text) {
  const plain = PLAIN.exec(text)
  if (plain) return { type: 'call', id: Number(plain[1]), content_type: 'application/json' }
  let header
  try {
    header = JSON.parse(text)
  } catch {
    throw new ProtocolError('a header is no JSON')
  }
  if (typeof header?.type !== 'string') throw new ProtocolError('a header has no type')
  return header
}

module.exports = { Frames, Gone, ProtocolError }

'use strict'
// Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md).

const fs = require('node:fs')
const net = require('node:net')

const LENGTHS = 12
const MAX_HEADER = 1 << 20
const MAX_BODY = 2 ** 34
const EMPTY = Buffer.alloc(0)
const LOOK_BYTES = 1 << 20

class ProtocolError extends Error {}

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
    let header
    try {
      header = JSON.parse(found.toString('utf8', 0, length))
    } catch {
      throw new ProtocolError('a header is no JSON')
    }
    if (typeof header?.type !== 'string') throw new ProtocolError('a header has no type')
    this.on.frame(header, found.subarray(length))
  }

  /** Write a frame; waits while the pipe is full. */
  write(header, body = EMPTY) {
    const text = Buffer.from(JSON.stringify(header))
    const head = Buffer.allocUnsafe(LENGTHS + text.length)
    head.writeUInt32LE(text.length, 0)
    head.writeBigUInt64LE(BigInt(body.length), 4)
    text.copy(head, LENGTHS)
    let rest = body.length ? [head, body] : [head]
    while (rest.length) {
      let written = fs.writevSync(this.sink, rest)
      while (rest.length && written >= rest[0].length) written -= rest.shift().length
      if (written) rest[0] = rest[0].subarray(written)
    }
  }
}

module.exports = { Frames, ProtocolError }

'use strict'
// What user code prints becomes `log` frames, line by line, with the call that printed it.

const { AsyncLocalStorage } = require('node:async_hooks')
const { Buffer, TextDecoder } = require('./natives')

// The most that one frame carries.
const LONGEST = 1 << 16
const call = new AsyncLocalStorage()

/** Takes what is written to one of the process's streams. */
class Lines {
  constructor(frames, stream) {
    this.frames = frames
    this.stream = stream
    this.rest = ''
    this.decoder = new TextDecoder()
  }

  write(data, encoding, done) {
    if (typeof encoding === 'function') [encoding, done] = [undefined, encoding]
    this.rest += typeof data === 'string' ? data : this.decoder.decode(data, { stream: true })
    const end = this.rest.lastIndexOf('\n')
    if (end >= 0) {
      const whole = this.rest.slice(0, end)
      this.rest = this.rest.slice(end + 1)
      this.send(whole)
    }
    if (this.rest.length > LONGEST) this.end()
    if (done) process.nextTick(done)
    return true
  }

  /** Send what has no newline yet: the call that printed it is over. */
  end() {
    if (!this.rest) return
    const { rest } = this
    this.rest = ''
    this.send(rest)
  }

  send(whole) {
    const header = { type: 'log', stream: this.stream, call: call.getStore() ?? null }
    const bytes = Buffer.from(whole)
    for (let at = 0; at === 0 || at < bytes.length; ) {
      let end = Math.min(at + LONGEST, bytes.length)
      if (end < bytes.length) {
        const line = bytes.lastIndexOf(10, end - 1)
        if (line > at) end = line
        else while ((bytes[end] & 0xc0) === 0x80) end -= 1 // not within a character
      }
      this.frames.write(header, bytes.subarray(at, end))
      at = end + (bytes[end] === 10 ? 1 : 0)
      if (end === bytes.length) break
    }
  }
}

/** Take over `process.stdout` and `process.stderr`; return a function that sends unended lines. */
function capture(frames) {
  const both = ['stdout', 'stderr'].map((stream) => {
    const lines = new Lines(frames, stream)
    process[stream].write = (...given) => lines.write(...given)
    return lines
  })
  return () => both.forEach((lines) => lines.end())
}

module.exports = { call, capture }

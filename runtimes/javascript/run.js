'use strict'
// The runner's process: says hello, then serves until the gateway closes its end.
//
//   node run.js PROGRAM    where the author's code was compiled to, if it was

const { realpathSync } = require('node:fs')
const { isCompiled } = require('./algorithm')
const { report } = require('./faults')
const { Frames, Gone, ProtocolError } = require('./frames')
const { Worker } = require('./worker')

const PROTOCOL = 1
const EXIT_PROTOCOL = 76 // EX_PROTOCOL of sysexits.h
const EXIT_UNCAUGHT = 1 // as Node.js itself has it
const REQUESTS = 3
const REPLIES = 4

process.on('SIGINT', () => {}) // Ctrl-C reaches us too; the gateway decides

// What is thrown where no call can catch it, in a timer for instance, ends the process as it does
// without us; but the log has the author's own lines, not those that were compiled of them.
process.on('uncaughtException', (error) => {
  if (process.listenerCount('uncaughtException') > 1) return // the author's code sees to it
  try {
    const { file, stacktrace } = report(error, worker?.root ?? '')
    worker?.endLines()
    process.stderr.write(`uncaught ${file ? stacktrace : error?.stack ?? stacktrace}\n`)
  } finally {
    process.exit(EXIT_UNCAUGHT)
  }
})

let worker = null
const frames = new Frames(REQUESTS, REPLIES, {
  frame(header, body) {
    if (worker !== null) return worker.handle(header, body)
    if (header.type !== 'hello' || header.protocol !== PROTOCOL) {
      throw new ProtocolError(`the first frame is hello of protocol ${PROTOCOL}`)
    }
    header.app = realpathSync(header.app) // as Node.js calls the files in it
    worker = new Worker(frames, header, isCompiled(process.argv[2]) ? process.argv[2] : header.app)
    const language = `javascript node ${process.versions.node}`
    frames.write({ type: 'hello', protocol: PROTOCOL, language, capabilities: ['describe'] })
  },
  end() {
    process.exit(0) // the gateway is gone
  },
  fail(error) {
    if (error instanceof Gone) process.exit(0)
    if (!(error instanceof ProtocolError)) throw error
    require('node:fs').writeSync(2, `runner: ${error.message}\n`)
    process.exit(EXIT_PROTOCOL)
  },
})
frames.listen()

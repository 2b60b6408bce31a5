'use strict'
// A worker: loads the algorithm and answers calls until it is told to stop.

const { setImmediate: turn } = require('node:timers/promises')

const { load } = require('./algorithm')
const { call, capture } = require('./capture')
const { callersFault, hint, report } = require('./faults')
const { Gone, ProtocolError } = require('./frames')
const { JSON, Map, Promise, Set, Symbol, performance } = require('./natives')
const { BadInput, BadResult, encode } = require('./values')

// How often a worker looks for calls that were taken back before it begins the next one.
const LOOK_MS = 20
// For how long an asynchronous stream may go on before the event loop gets a turn: one that waits for
// nothing would keep it from all other calls, and from seeing that its reader left.
const TURN_MS = 5

/** A call that nobody waits for. */
class Cancelled extends Error {
  constructor() {
    super('the call was cancelled')
  }
}

class Worker {
  /** The author's code is at `root`: in the project, or where it was compiled to. */
  constructor(frames, hello, root) {
    this.frames = frames
    this.hello = hello
    this.root = root
    this.algorithm = null
    this.waiting = [] // frames that have not begun, in their order
    this.running = new Map() // of calls that have: how they are cancelled, paused
    this.begun = 0
    this.looked = 0
    this.stopping = false
    this.endLines = capture(frames)
  }

  /** Take a frame: what cannot wait is done at once, the others come in turn. */
  handle(header, body) {
    switch (header.type) {
      case 'call':
      case 'batch':
      case 'load':
        this.waiting.push([header, body])
        break
      case 'withdraw':
        this.withdraw(new Set(header.ids))
        break
      case 'cancel':
        this.running.get(header.id)?.cancel()
        break
      case 'pause':
        this.running.get(header.id)?.pause()
        break
      case 'resume':
        this.running.get(header.id)?.resume()
        break
      case 'describe':
        this.answer(header, 'described', { schema: this.algorithm?.schema ?? {} })
        break
      case 'reload': // modules of Node.js stay for good: a new worker has the new ones
        this.answer(header, 'reloaded', { rung: 'worker', schema: this.algorithm?.schema ?? {} })
        break
      case 'commit':
      case 'discard':
        break
      case 'shutdown':
        this.stopping = true
        break
      default:
        throw new ProtocolError(`there is no frame of type ${JSON.stringify(header.type)}`)
    }
    this.pump()
  }

  /** Begin what waits while there are places; end when told to and nothing is left. */
  pump() {
    if (this.pumping) return
    this.pumping = true
    try {
      while (this.waiting.length && this.begun < (this.algorithm ? this.hello.concurrency || 1 : 1)) {
        this.lookAbout()
        if (!this.waiting.length) break // what was seen took it back
        const [header, body] = this.waiting.shift()
        this.begin(header, body)
      }
    } finally {
      this.pumping = false
    }
    if (this.stopping && !this.waiting.length && !this.begun) process.exit(0)
  }

  /** Give back the calls of these ids that have not begun. */
  withdraw(ids) {
    const taken = this.waiting.filter(([header]) => ids.has(header.id))
    this.waiting = this.waiting.filter(([header]) => !ids.has(header.id))
    for (const [header] of taken) this.answer(header, 'withdrawn')
  }

  lookAbout() {
    const now = performance.now()
    if (now - this.looked < LOOK_MS) return
    this.looked = now
    this.frames.look()
  }

  begin(header, body) {
    this.begun += 1
    let done
    try {
      done = header.type === 'load' ? this.load(header) : this.dispatch(header, body)
    } catch (error) {
      this.begun -= 1
      throw error
    }
    if (done === undefined) this.begun -= 1
    else done.then(() => this.ended(), (error) => this.frames.on.fail(error))
  }

  ended() {
    this.begun -= 1
    this.frames.guarded(() => this.pump())
  }

  answer(header, type, more = {}, body = undefined) {
    this.frames.write({ type, id: header.id ?? 0, ...more }, body)
  }

  async load(header) {
    const began = performance.now()
    try {
      this.algorithm = await load(this.hello, this.root)
    } catch (error) {
      this.endLines()
      this.answer(header, 'load_error', { ...report(error, this.root), hint: hint(error) })
      return
    }
    this.endLines()
    const { batch, isAsync, schema } = this.algorithm
    this.answer(header, 'ready', {
      schema,
      milliseconds: Math.round((performance.now() - began) * 10) / 10,
      cancels: isAsync,
      batch,
      ahead: (this.hello.concurrency || 1) === 1 && !batch,
      flow: !batch,
      share: false,
      alone: 'Node.js cannot fork',
    })
  }

  /** Answer a call or a batch; return a promise where that takes time. */
  dispatch(header, body) {
    if (this.algorithm === null) throw new ProtocolError('the first frame of a worker is load')
    if (this.algorithm.batch) return this.batch(header, body)
    return call.run(header.id, () => this.call(header, body))
  }

  call(header, body) {
    let result, answer
    try {
      result = this.algorithm.call(this.algorithm.read(body, header.content_type ?? ''))
      answer = typeof result?.then === 'function' ? this.settled : streams(result) ? this.stream : this.result
    } catch (error) {
      return this.failed(header, error)
    }
    return answer.call(this, header, result)
  }

  async settled(header, promise) {
    const { cancelled } = this.track(header)
    try {
      const result = await Promise.race([promise, cancelled])
      if (streams(result)) await this.stream(header, result)
      else this.result(header, result)
    } catch (error) {
      this.failed(header, error)
    } finally {
      this.running.delete(header.id)
    }
  }

  /** Note a call that runs, so that it can be cancelled; a stream can also be held. */
  track(header) {
    let open = null
    const one = { over: false, gate: null }
    one.cancelled = new Promise((_, reject) => {
      one.cancel = () => {
        one.over = true
        one.resume()
        reject(new Cancelled())
      }
    })
    one.cancelled.catch(() => {}) // nobody need wait for it
    one.pause = () => (one.gate ??= new Promise((resolve) => (open = resolve)))
    one.resume = () => {
      open?.()
      one.gate = null
    }
    this.running.set(header.id, one)
    return one
  }

  async stream(header, pieces) {
    const one = this.track(header)
    try {
      if (Symbol.asyncIterator in pieces) {
        let turned = performance.now()
        for await (const piece of untilCancelled(pieces, one)) {
          this.piece(header, 'chunk', piece)
          if (performance.now() - turned > TURN_MS) {
            await turn()
            turned = performance.now()
          }
          if (one.gate) await one.gate
          if (one.over) break
        }
      } else {
        for (const piece of pieces) {
          this.piece(header, 'chunk', piece)
          this.frames.look()
          if (one.gate) await one.gate
          if (one.over) break
        }
      }
      this.endLines()
      this.answer(header, 'end')
    } catch (error) {
      this.failed(header, error)
    } finally {
      this.running.delete(header.id)
    }
  }

  async batch(header, body) {
    const calls = header.calls ?? [{ ...header, length: body.length }]
    if (calls.reduce((sum, one) => sum + one.length, 0) !== body.length) {
      throw new ProtocolError('the lengths of a batch do not add up to its body')
    }
    const read = []
    let at = 0
    for (const one of calls) {
      try {
        read.push([one, this.algorithm.read(body.subarray(at, at + one.length), one.content_type ?? '')])
      } catch (error) {
        this.failed(one, error)
      }
      at += one.length
    }
    if (read.length) await this.apply(read)
  }

  /** Answer several calls together; where that fails as a whole, each by itself. */
  async apply(calls) {
    let results
    try {
      const [first] = calls
      const id = calls.length === 1 ? first[0].id : undefined
      results = await call.run(id, () => this.algorithm.call(calls.map(([, value]) => value)))
      if (!Array.isArray(results) && !ArrayBuffer.isView(results)) {
        throw new BadResult('batch_mismatch', `the batch returned ${typeof results}, not an array`)
      }
      if (results.length !== calls.length) {
        const what = `the batch returned ${results.length} results for ${calls.length} inputs`
        throw new BadResult('batch_mismatch', what)
      }
    } catch (error) {
      if (calls.length === 1) return this.failed(calls[0][0], error)
      for (const one of calls) await this.apply([one])
      return undefined
    }
    calls.forEach(([header], index) => {
      const result = results[index]
      if (result instanceof Error) this.failed(header, result)
      else this.result(header, result)
    })
    return undefined
  }

  result(header, value) {
    try {
      this.piece(header, 'result', value)
    } catch (error) {
      this.failed(header, error)
    }
  }

  piece(header, type, value) {
    const [kind, body] = encode(value)
    if (type === 'result') this.endLines()
    this.frames.answer(type, header.id, kind, body)
  }

  failed(header, error) {
    this.endLines()
    if (error instanceof BadInput || error instanceof BadResult) {
      const fault = error instanceof BadInput ? 'input' : 'result'
      const { code, message, problems } = error
      this.answer(header, 'error', { fault, code, message, problems })
      return
    }
    if (error instanceof Gone || error instanceof ProtocolError) throw error
    const code = callersFault(error)
    const fault = code === null ? 'algorithm' : 'caller'
    const lacking = hint(error)
    const told = { ...report(error, this.root), ...(lacking && { hint: lacking }) }
    this.answer(header, 'error', { fault, code: code ?? 'exception', ...told })
  }
}

/**
 * Yield what an asynchronous generator does, until its call is cancelled: at once, whatever it waits for.
 * It is told then, and closes at its next `yield`, for which the call does not wait.
 */
async function* untilCancelled(pieces, one) {
  let wake
  one.cancelled.catch(() => wake?.({ done: true }))
  const next = () =>
    new Promise((resolve, reject) => {
      wake = resolve
      pieces.next().then(resolve, reject)
    })
  try {
    for (let found = await next(); !found.done; found = await next()) yield found.value
  } finally {
    const closed = pieces.return()
    closed.catch(() => {}) // where it fails later nobody waits for it any more
    await Promise.race([closed, turn()])
  }
}

/** Tell whether a result is what a generator returned. */
function streams(result) {
  const kind = Object.prototype.toString.call(result)
  return kind === '[object Generator]' || kind === '[object AsyncGenerator]'
}

module.exports = { Worker }

// What the conformance suite calls; every language has the same (tests/languages/README.md).
'use strict'

const fs = require('node:fs')

class AlgorithmError extends Error {
  constructor(message, code) {
    super(message)
    this.code = code
  }
}

const actions = {
  echo: ({ value }) => value,
  state: (_, state) => state,
  bytes: ({ times }) => Buffer.concat(Array(times).fill(Uint8Array.from(Array(256).keys()))),
  raise({ message }) {
    throw new TypeError(message)
  },
  refuse({ message, code }) {
    throw new AlgorithmError(message, code)
  },
  nan: () => ({ value: NaN }),
  print: ({ text, to }) => (to === 'stderr' ? console.error(text) : console.log(text)),
  sleep({ seconds }) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
    return seconds
  },
  exit: ({ code }) => {
    console.log('last words', code)
    process.exit(code)
  },
  *stream({ count, fails }) {
    for (let number = 0; number < count; number += 1) yield { number }
    if (fails) throw new TypeError('after the last piece')
  },
}

exports.load = (models) => ({
  loads: 1,
  models: Object.fromEntries(Object.entries(models).map(([name, path]) => [name, fs.readFileSync(path, 'utf8')])),
})

exports.apply = (value, state) => {
  if (value instanceof Uint8Array) return value.reverse()
  if (typeof value === 'string') return `text: ${value}`
  return actions[value?.do] ? actions[value.do](value, state) : { got: value }
}

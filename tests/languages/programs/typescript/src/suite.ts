// What the conformance suite calls; every language has the same (tests/languages/README.md).
import fs from 'node:fs'

import { AlgorithmError } from './errors.ts'

interface State {
  loads: number
  models: Record<string, string>
}

enum Stream {
  out = 'stdout',
  err = 'stderr',
}

const actions: Record<string, (input: any, state: State) => unknown> = {
  echo: ({ value }) => value,
  state: (_, state) => state,
  bytes: ({ times }) => Buffer.concat(Array(times).fill(Uint8Array.from(Array(256).keys()))),
  raise({ message }) {
    throw new TypeError(message)
  },
  refuse({ message, code }: { message: string; code: string }) {
    throw new AlgorithmError(message, code)
  },
  nan: () => ({ value: NaN }),
  print: ({ text, to }) => (to === Stream.err ? console.error(text) : console.log(text)),
  sleep({ seconds }) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
    return seconds
  },
  exit: ({ code }) => {
    console.log('last words', code)
    process.exit(code)
  },
  *stream({ count, fails }: { count: number; fails: boolean }) {
    for (let number = 0; number < count; number += 1) yield { number }
    if (fails) throw new TypeError('after the last piece')
  },
}

export function load(models: Record<string, string>): State {
  const read = Object.entries(models).map(([name, path]) => [name, fs.readFileSync(path, 'utf8')])
  return { loads: 1, models: Object.fromEntries(read) }
}

export function apply(value: any, state: State): unknown {
  if (value instanceof Uint8Array) return value.reverse()
  if (typeof value === 'string') return `text: ${value}`
  return actions[value?.do] ? actions[value.do](value, state) : { got: value }
}

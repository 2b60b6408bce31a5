'use strict'
// A reporter of node:test: JUnit XML with the author's frames, and why a file did not load, which
// Node.js tells on the file's standard error alone.
//
// Paths are told below ALGO_TESTS, the folder that the tests lie in.

const fs = require('node:fs')
const path = require('node:path')

const { isOurs, report } = require('../faults')

const ROOT = process.env.ALGO_TESTS ?? process.cwd()
const LONGEST = 160
const PLACE = /^(?:node:|file:\/\/\/|\/).*:\d+$/
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

module.exports = async function* junit(source) {
  const said = new Map() // standard error, by file
  const depths = new Map() // of the test that was told last, by file
  yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n'
  for await (const { type, data } of source) {
    if (type === 'test:stderr') said.set(data.file, (said.get(data.file) ?? '') + data.message)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const holds = (depths.get(data.file) ?? 0) > data.nesting
    depths.set(data.file, data.nesting)
    const error = type === 'test:fail' ? data.details.error : null
    if (data.details.type === 'suite' || error?.failureType === 'subtestsFailed' || (holds && !error)) continue
    yield testcase(data, error, said.get(data.file) ?? '')
  }
  yield '</testsuites>\n'
}

function testcase({ name, file, details, skip, todo }, error, said) {
  const whole = error !== null && path.resolve(name) === file // that of a file is called as it is
  // A test of Mocha's words is defined by our file, which says nothing of its own.
  const group = file && !isOurs(file) ? below(authors(file)) : 'test'
  const named = `classname="${xml(group)}" name="${whole ? 'all of it' : xml(name)}"`
  const head = `<testcase ${named} time="${details.duration_ms / 1000}">`
  const left = skip !== undefined || todo !== undefined
  const { message, text } = error === null ? {} : whole ? unloaded(error, said) : failed(error)
  const wrong = error === null ? '' : `<failure message="${xml(message)}">${xml(text)}</failure>`
  return `${head}${left ? '<skipped/>' : wrong}</testcase>\n`
}

/** Return why a test failed. */
function failed({ cause, message }) {
  if (!(cause instanceof Error)) return { message: line(String(cause ?? message)), text: '' }
  const told = report(cause, ROOT)
  const [, kind] = /^(\w+Error)\b/.exec(cause.stack ?? '') ?? []
  const named = kind && kind !== 'AssertionError' ? `${kind}: ${told.message}` : told.message
  return { message: line(named), text: told.stacktrace }
}

/** Return why a file ended before its tests had been told. */
function unloaded({ exitCode, signal }, said) {
  const lines = said.split('\n')
  const end = lines.findLastIndex((one) => one.startsWith('Node.js v'))
  // What was printed before it may be anything; the place of the error stands above its caret.
  const caret = lines.findLastIndex((one, at) => at < end && /^\s*\^+$/.test(one))
  const place = lines.findLastIndex((one, at) => at < caret && PLACE.test(one))
  if (end < 0 || place < 0) {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${exitCode}`
    return { message: `the file ${how} before its tests did`, text: below(said.trim()) }
  }
  const told = lines.slice(caret + 1, end).join('\n').trim()
  const noise = (one) => (/^ {4}at /.test(one) && isOurs(one)) || one.startsWith('(Use `node ')
  const [first, ...rest] = properties(told).filter((one) => !noise(one))
  const excerpt = lines[place].startsWith('node:') ? [] : lines.slice(place, caret + 1)
  return { message: line(below(first)), text: below([first, ...rest, ...excerpt].join('\n').trimEnd()) }
}

/** Return the lines of an error without its properties, which follow the last frame in braces. */
function properties(text) {
  const lines = text.split('\n')
  const open = lines.findIndex((one) => /^ {4}at .* \{$/.test(one))
  if (open < 0 || lines.at(-1) !== '}') return lines
  return [...lines.slice(0, open), lines[open].slice(0, -2)]
}

/** Return one line of a message: all of it where that is short, as of what was compared. */
function line(message) {
  const whole = message.replace(/\s+/g, ' ').trim()
  const short = whole.length <= LONGEST ? whole : message.split('\n')[0].replace(/:$/, '')
  return short.slice(0, LONGEST)
}

/** Return the file that one was compiled from, any other itself. */
function authors(file) {
  const map = `${file}.map`
  return fs.existsSync(map) ? path.join(path.dirname(file), JSON.parse(fs.readFileSync(map, 'utf8')).sources[0]) : file
}

function below(text) {
  return text.replaceAll(`file://${ROOT}/`, '').replaceAll(`${ROOT}/`, '')
}

function xml(text) {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"]/g, (one) => ESCAPES[one])
}

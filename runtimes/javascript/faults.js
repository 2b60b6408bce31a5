'use strict'
// Exceptions of user code as the protocol reports them.

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { fileURLToPath, pathToFileURL } = require('node:url')
const { inspect } = require('node:util')
const { Number, Set } = require('./natives')

// A header has at most 1 MiB, and nobody reads more than this.
const LONGEST_MESSAGE = 10_000
const LONGEST_TRACE = 100_000
const FRAME = /^\s+at (?:async )?(?:.*\()?(?:(file:\/\/\/.*?)|(\/.*?)):(\d+):\d+\)?$/
// A frame of what is built in has no place: `at Array.map (<anonymous>)`, `at async Promise.all (index 0)`.
const BUILT_IN = /^\s+at .*\((?:<anonymous>|index \d+)\)$/
const MOST_CAUSES = 10
const MOST_FILES = 50
const OURS = `${__dirname}${path.sep}`

/**
 * Return type, message, file, line and stack trace, trimmed to the author's frames.
 *
 * @param {unknown} error What was thrown, which need not be an `Error`.
 * @param {string} root The project's folder; `file` is relative to it.
 */
function report(error, root) {
  try {
    return told(error, root)
  } catch (broken) {
    return mute(broken, root)
  }
}

/** Report of an error whose own getters throw what made them fail. */
function mute(broken, root) {
  const what = 'the error cannot tell what it is'
  try {
    const found = told(broken, root)
    return { ...found, message: `${what}: ${found.message}` }
  } catch {
    return { error: 'Error', message: what, file: '', line: 0, stacktrace: what }
  }
}

function told(error, root) {
  const below = `${root}${path.sep}`
  if (!(error instanceof Error)) {
    const message = `the code threw ${inspect(error)}`.slice(0, LONGEST_MESSAGE)
    return { error: typeof error, message, file: '', line: 0, stacktrace: message }
  }
  const lines = String(error.stack ?? error).split('\n')
  let [file, line] = lines.map(place).find(([found]) => found.startsWith(below)) ?? ['', 0]
  const importer = / imported from (?:file:\/\/)?(\/.*)$/.exec(error.message)?.[1]
  const [bad, at] = error instanceof SyntaxError ? syntax(lines, error) : [importer ?? '', 0]
  if (bad.startsWith(below)) [file, line] = [bad, at]
  return {
    error: error.constructor?.name || error.name,
    message: (message(error, below) || error.name).slice(0, LONGEST_MESSAGE),
    file: file.startsWith(below) ? file.slice(below.length) : file,
    line,
    stacktrace: trace(error, below).slice(0, LONGEST_TRACE),
  }
}

/** Return what to do about a package that is not there, empty when that is not the fault. */
function hint(error) {
  let code
  try {
    code = error?.code
  } catch {} // a getter of the author's
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return ''
  const name = /^Cannot find (?:package|module) '((?:@[\w.-]+\/)?[\w-][\w.-]*)(?:\/[^']*)?'/.exec(error.message)?.[1]
  return name ? adding(name) : ''
}

/** Return what to do for a package to be there. */
function adding(name, option = '') {
  return `add ${name} to package.json (npm install --package-lock-only ${option}${name}), then: algo lock`
}

/** Return the code of an `AlgorithmError`, null for everything else that is thrown. */
function callersFault(error) {
  try {
    for (let kind = error; kind instanceof Error; kind = Object.getPrototypeOf(kind)) {
      if (kind.name === 'AlgorithmError' || kind.constructor?.name === 'AlgorithmError') {
        return String(error.code || 'bad_input').slice(0, 200)
      }
    }
  } catch {} // a getter of the author's: his fault
  return null
}

/** Return file and line of a frame; of a module the stack has its address, in which a space is %20. */
function place(frame) {
  const [, url, file, line] = FRAME.exec(frame) ?? []
  return [url ? fileURLToPath(url) : file ?? '', Number(line ?? 0)]
}

function message(error, below) {
  const [first] = String(error.message).split('\nRequire stack:')
  return within(first, below)
}

/** Return a text with the files of the project as the author calls them. */
function within(text, below) {
  return text.replaceAll(pathToFileURL(below).href, '').replaceAll(`file://${below}`, '').replaceAll(below, '')
}

function trace(error, below, depth = 0) {
  if (!(error instanceof Error)) return inspect(error)
  const lines = String(error.stack ?? error).split('\n')
  const kept = lines.filter((line, at) => {
    if (!/^\s+at /.test(line)) return !line.startsWith('Require stack:') && !line.startsWith(`- ${OURS}`)
    // What is built in belongs to whoever called it, in the next frame.
    const caller = BUILT_IN.test(line) ? lines.slice(at).find((one) => !BUILT_IN.test(one)) : line
    return caller !== undefined && !isOurs(caller)
  })
  const text = within(kept.join('\n'), below)
  if (error.cause === undefined || depth === MOST_CAUSES) return text
  return `${text}\nCaused by: ${trace(error.cause, below, depth + 1)}`
}

/** Tell whether a frame is of Node.js, or of the runner. */
function isOurs(frame) {
  return frame.includes('(node:') || frame.includes('at node:') || frame.includes(OURS)
}

/**
 * Return file and line of a syntax error: before the first line of the stack, or as `node --check` says
 * of the entry and of what that imports, where V8 keeps it to itself.
 */
function syntax(lines, error) {
  const place = /^(?:file:\/\/)?(\/.*):(\d+)$/.exec(lines[0])
  if (place) return [place[1], Number(place[2])]
  const files = error.entry ? [error.entry] : []
  for (const file of files) {
    const checked = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' })
    const found = /^(file:\/\/)?(\/.*):(\d+)$/m.exec(checked.stderr)
    if (found) return [found[1] ? fileURLToPath(`file://${found[2]}`) : found[2], Number(found[3])]
    files.push(...imports(file).filter((one) => files.length < MOST_FILES && !files.includes(one)))
  }
  return ['', 0]
}

/** Return the files of the author's that one imports, as far as its text tells. */
function imports(file) {
  const named = fs.readFileSync(file, 'utf8').matchAll(/(?:from|import)[\s(]*['"](\.{1,2}\/[^'"]+\.[cm]?js)['"]/g)
  const paths = [...named].map(([, below]) => path.resolve(path.dirname(file), below))
  return [...new Set(paths)].filter((one) => fs.existsSync(one))
}

module.exports = { report, callersFault, hint, adding, isOurs }

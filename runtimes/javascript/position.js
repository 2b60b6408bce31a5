'use strict'
// Where a text stops to be JSON (RFC 8259): V8 names no position in short texts.

const SPACE = /[ \t\r\n]*/y
const OPENING = /[{[]/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const COLON = /:/y
const COMMA = /,/y
const CLOSING = { '{': /\}/y, '[': /\]/y }
// Taken in pieces: one pattern for all of a long string needs more stack than V8 has.
const QUOTE = /"/y
const PLAIN = /[^"\\\u0000-\u001f]+/y
const ESCAPED = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y

/** Return the index of the first character that cannot stand where it stands, or of the end. */
function wrong(source) {
  const open = []
  let at = 0

  const take = (pattern) => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found) at = pattern.lastIndex
    return found?.[0]
  }
  const token = (pattern) => {
    take(SPACE)
    return take(pattern)
  }
  const string = () => {
    token(SPACE)
    const began = at
    if (!take(QUOTE)) return false
    while (take(PLAIN) || take(ESCAPED));
    if (take(QUOTE)) return true
    const rest = source.slice(at)
    if (rest === '' || rest === '\\') at = began // it does not end: it is told where it begins
    return false
  }
  const closed = () => token(CLOSING[open.at(-1)]) && open.pop()
  const after = () => {
    if (open.length) return separator
    take(SPACE) // what follows the value is what is wrong
    return null
  }
  const value = () => {
    const bracket = token(OPENING)
    if (bracket) {
      open.push(bracket)
      if (closed()) return after()
      return bracket === '{' ? key : value
    }
    return token(SCALAR) !== undefined || string() ? after() : null
  }
  const key = () => (string() && token(COLON) ? value : null)
  const separator = () => {
    if (token(COMMA)) return open.at(-1) === '{' ? key : value
    return closed() ? after() : null
  }

  for (let next = value; next; next = next());
  return at
}

/** Return `line L, column C` of the character at index `at`. */
function told(source, at) {
  const before = source.slice(0, at)
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1
  return `line ${before.split('\n').length}, column ${column}`
}

module.exports = { told, wrong }

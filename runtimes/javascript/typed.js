'use strict'
// Inputs by their JSON Schema: what is wrong with one, and where; and what JSON has no form for.

const { BigInt, JSON, Map, Number, Set } = require('./natives')
const { BadInput } = require('./values')

// Who sends ten thousand wrong numbers does not read ten thousand lines.
const MOST = 20
const SHOWN = 40
const COMMA = ', '
const NO_URLS = 'the service takes no files by URL: fetch under [serving] in algo.toml allows them'
// Of these `$comment` says which the code takes: JSON has a list, an object or a string for it.
const MADE = {
  Date: (text) => new Date(text),
  Map: (object) => new Map(Object.entries(object)),
  Set: (list) => new Set(list),
  bigint: (number) => BigInt(number),
}
const LARGE = 'an integer that a number holds (a bigint may be any)'
const NUMBERS = /^(?:Int|Uint|Float)\d+(?:Clamped)?Array$/
const KINDS = {
  string: ['a string', (value) => typeof value === 'string'],
  number: ['a number', (value) => typeof value === 'number'],
  integer: ['an integer', (value) => typeof value === 'bigint' || Number.isInteger(value)],
  boolean: ['true or false', (value) => typeof value === 'boolean'],
  null: ['null', (value) => value === null],
  array: ['an array', Array.isArray],
  object: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
}
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
const LIMITS = {
  minimum: (value, least) => value >= least || `expected at least ${least}`,
  maximum: (value, most) => value <= most || `expected at most ${most}`,
  exclusiveMinimum: (value, least) => value > least || `expected more than ${least}`,
  exclusiveMaximum: (value, most) => value < most || `expected less than ${most}`,
  multipleOf: (value, step) => Number.isInteger(Number(value) / step) || `expected a multiple of ${step}`,
  minLength: (value, least) => [...value].length >= least || `expected at least ${least} characters`,
  maxLength: (value, most) => [...value].length <= most || `expected at most ${most} characters`,
  pattern: (value, pattern) => new RegExp(pattern, 'u').test(value) || `expected a match of ${pattern}`,
  minItems: (value, least) => value.length >= least || `expected at least ${least} items`,
  maxItems: (value, most) => value.length <= most || `expected at most ${most} items`,
}

/**
 * Return a function that takes an input and returns what the code gets.
 *
 * @param {object} document A JSON Schema as the build writes it: no more keywords than are here.
 * @returns {(value: unknown) => unknown} It throws `BadInput` with the `problems`.
 */
function reader(document) {
  const named = new Map()
  const read = compile(document, document.$defs ?? {}, named)
  return (value) => {
    const problems = []
    const found = read(value, 'input', problems)
    if (!problems.length) return found
    const told = problems.slice(0, MOST)
    const lines = told.map(({ path, message }) => `${path}: ${message}`)
    if (problems.length > MOST) lines.push('these are the first; there are more')
    throw Object.assign(new BadInput('invalid_input', lines.join('\n')), { problems: told })
  }
}

/** Return `(value, path, problems) => value`. */
function compile(schema, defs, named) {
  if (schema.$ref) return reference(schema.$ref.slice('#/$defs/'.length), defs, named)
  if (schema.anyOf) return either(schema.anyOf, defs, named)
  if (schema.enum) return oneOf(schema.enum)
  if (schema.contentEncoding === 'base64') return binary
  const inside = { array, object }[schema.type]?.(schema, defs, named)
  const [what, fits] = KINDS[schema.type] ?? ['', () => true]
  const limits = Object.keys(LIMITS).filter((name) => name in schema)
  const make = maker(schema.$comment)
  return (given, path, problems) => {
    let value = given
    if (typeof given === 'bigint' && schema.$comment !== 'bigint' && /number|integer/.test(schema.type)) {
      value = Number(given)
      const holds = Number.isFinite(value) && (schema.type === 'number' || BigInt(value) === given)
      if (!holds) return wrong(problems, path, LARGE, given)
    }
    if (!fits(value)) return wrong(problems, path, what, value)
    const before = problems.length
    for (const name of limits) {
      const said = LIMITS[name](value, schema[name])
      if (said === true) continue
      const got = /Length|Items/.test(name) ? [...value].length : shown(given)
      problems.push({ path, message: `${said}, got ${got}` })
    }
    if (inside) value = inside(value, path, problems)
    if (make && problems.length === before) value = make(value)
    if (Number.isNaN(value?.getTime?.())) return wrong(problems, path, 'a date and time', given)
    return value
  }
}

/** A named type may hold itself: it is compiled when a value first needs it. */
function reference(name, defs, named) {
  return (value, path, problems) => {
    if (!named.has(name)) named.set(name, compile(defs[name], defs, named))
    return named.get(name)(value, path, problems)
  }
}

function array(schema, defs, named) {
  const first = (schema.prefixItems ?? []).map((item) => compile(item, defs, named))
  const rest = schema.items ? compile(schema.items, defs, named) : (value) => value
  return (list, path, problems) => {
    const take = (item, at) => (problems.length > MOST ? item : (first[at] ?? rest)(item, `${path}[${at}]`, problems))
    return list.map(take)
  }
}

/** Return what makes a value of the class `name`, undefined where JSON has its form. */
function maker(name) {
  return NUMBERS.test(name ?? '') ? (list) => globalThis[name].from(list) : MADE[name]
}

function object(schema, defs, named) {
  const fields = Object.entries(schema.properties ?? {}).map(([name, one]) => [name, compile(one, defs, named)])
  const known = new Set(fields.map(([name]) => name))
  const more = schema.additionalProperties ? compile(schema.additionalProperties, defs, named) : null
  return (value, path, problems) => {
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) problems.push({ path: below(path, name), message: 'is missing' })
    }
    let made = value // another type may still be tried on what was given
    const read = (name, take) => {
      const found = take(value[name], below(path, name), problems)
      if (found === value[name]) return
      if (made === value) made = { ...value }
      Object.defineProperty(made, name, { value: found, writable: true, enumerable: true, configurable: true })
    }
    for (const [name, take] of fields) if (Object.hasOwn(value, name)) read(name, take)
    if (more) for (const name of Object.keys(value)) if (!known.has(name)) read(name, more)
    return made
  }
}

function either(schemas, defs, named) {
  const takes = schemas.map((one) => compile(one, defs, named))
  const what = schemas.map((one) => called(one, defs)).join(' or ')
  return (value, path, problems) => {
    const tried = []
    for (const take of takes) {
      const found = []
      const read = take(value, path, found)
      if (!found.length) return read
      tried.push(found)
    }
    // Wrong within one of them says more than that it is none.
    const within = tried.filter((found) => found.some((one) => one.path !== path))
    if (within.length === 1) problems.push(...within[0])
    else wrong(problems, path, what, value)
    return value
  }
}

function oneOf(values) {
  const what = values.length === 1 ? JSON.stringify(values[0]) : `one of ${values.map((one) => JSON.stringify(one)).join(COMMA)}`
  return (value, path, problems) => (values.includes(value) ? value : wrong(problems, path, what, value))
}

/** Bytes: a body or a part as they are, in JSON as base64. */
function binary(value, path, problems) {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string' && BASE64.test(value)) return Buffer.from(value, 'base64')
  return wrong(problems, path, 'a file, or a string in base64', value)
}

function wrong(problems, path, what, value) {
  const keys = value !== null && typeof value === 'object' ? Object.keys(value) : []
  const url = keys.length === 1 && keys[0] === '$url' // the gateway puts the file in its place where it may
  problems.push({ path, message: url ? NO_URLS : `expected ${what}, got ${shown(value)}` })
  return value
}

function called(schema, defs) {
  if (schema.$ref) return called(defs[schema.$ref.slice('#/$defs/'.length)], defs)
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ')
  if (schema.contentEncoding) return 'a file, or a string in base64'
  return KINDS[schema.type]?.[0] ?? 'a value'
}

function below(path, name) {
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) ? `${path}.${name}` : `${path}[${cut(JSON.stringify(name))}]`
}

/** Return a value by the name of its type in JSON: `string "x"`, `null`, `an object`. */
function shown(value) {
  if (value === null || value === undefined) return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return `string ${cut(JSON.stringify(value.slice(0, SHOWN * 2)))}`
  const whole = typeof value === 'bigint' || Number.isInteger(value)
  return `${whole ? 'integer' : typeof value} ${cut(String(value))}`
}

function cut(text) {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}

module.exports = { reader }

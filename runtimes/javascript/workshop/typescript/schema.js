'use strict'
// What the author's types say, as JSON Schema 2020-12.

const STREAMS = new Set(['Generator', 'AsyncGenerator', 'AsyncIterableIterator', 'IterableIterator'])
// Of these the result is written down, not the name.
const HELPERS = new Set(['Record', 'Partial', 'Required', 'Readonly', 'Pick', 'Omit', 'NonNullable'])
const NUMBERS = /^(?:Int|Uint|Float)\d+(?:Clamped)?Array$/
// Tags of a comment that say what a type cannot.
const TAGS = new Set([
  'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf',
  'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'format', 'default',
])

/**
 * Return the schema of the function `name` that the file `source` exports.
 *
 * @returns {{schema: object} | {problem: string, line: number}}
 */
function describe(ts, checker, source, name) {
  const module = checker.getSymbolAtLocation(source)
  const exported = new Map((module ? checker.getExportsOfModule(module) : []).map((one) => [one.name, one]))
  const batch = /^apply_?batch$/i.test(name) ? exported.get(name) : exported.get('applyBatch') ?? exported.get('apply_batch')
  const symbol = batch ?? exported.get(name)
  const signature = symbol && checker.getTypeOfSymbolAtLocation(symbol, source).getCallSignatures()[0]
  if (!signature) return { problem: `it exports no function ${name}`, line: 1 }
  const schema = {}
  const types = new Types(ts, checker, source)
  const [first] = signature.parameters
  let given = first && checker.getTypeOfSymbolAtLocation(first, first.valueDeclaration)
  if (given && batch) given = element(checker, given)
  if (given && !types.isAny(given)) {
    schema.input = types.document(checker.getNonNullableType(given) === given ? given : types.defined(given))
    Object.assign(schema, taken(schema.input))
  }
  let [returned, streams] = unwrapped(checker, signature.getReturnType())
  if (batch) returned = element(checker, returned)
  if (streams) schema.streams = true
  if (returned && !types.isAny(returned)) schema.output = types.document(returned)
  return { schema }
}

/** Return what a promise holds, and what a stream yields. */
function unwrapped(checker, type) {
  const name = type.getSymbol()?.name
  const [argument] = checker.getTypeArguments(type)
  if (name === 'Promise') return unwrapped(checker, argument)
  return STREAMS.has(name) ? [argument, true] : [type, false]
}

function element(checker, type) {
  return checker.getIndexInfosOfType(type).find((one) => one.keyType.intrinsicName === 'number')?.type
}

/** Return the content types of bodies that are an input, and the fields that files may be. */
function taken(input) {
  const whole = input.$ref ? input.$defs[input.$ref.slice('#/$defs/'.length)] : input
  const forms = whole.anyOf ?? [whole]
  if (forms.some((one) => one.contentEncoding)) return { accepts: ['application/json', 'application/octet-stream'] }
  if (forms.some((one) => one.type === 'string')) return { accepts: ['application/json', 'text/plain'] }
  const files = Object.entries(whole.properties ?? {}).filter(([, one]) => one.contentEncoding).map(([name]) => name)
  return files.length ? { accepts: ['application/json', 'multipart/form-data'], files } : { accepts: ['application/json'] }
}

/** Writes types down; a named object is written once, in `$defs`. */
class Types {
  constructor(ts, checker, source) {
    this.ts = ts
    this.checker = checker
    this.source = source
  }

  document(type) {
    this.names = new Map()
    this.defs = {}
    const found = this.of(type)
    return Object.keys(this.defs).length ? { ...found, $defs: this.defs } : found
  }

  isAny(type) {
    return Boolean(type.flags & (this.ts.TypeFlags.Any | this.ts.TypeFlags.Unknown))
  }

  of(type) {
    const { TypeFlags } = this.ts
    const is = (flags) => Boolean(type.flags & flags)
    if (this.isAny(type)) return {}
    if (is(TypeFlags.Boolean)) return { type: 'boolean' }
    if (is(TypeFlags.StringLiteral | TypeFlags.NumberLiteral) && type.value !== undefined) return literals([type.value])
    if (is(TypeFlags.BooleanLiteral)) return literals([type.intrinsicName === 'true'])
    if (is(TypeFlags.StringLike)) return { type: 'string' }
    if (is(TypeFlags.BigIntLike)) return { type: 'integer', $comment: 'bigint' }
    if (is(TypeFlags.NumberLike) && !type.isUnion()) return { type: 'number' }
    if (is(TypeFlags.Null | TypeFlags.Undefined | TypeFlags.Void)) return { type: 'null' }
    if (is(TypeFlags.Never)) return { not: {} }
    if (type.isUnion()) return this.union(type)
    if (is(TypeFlags.TypeParameter)) return this.of(this.checker.getBaseConstraintOfType(type) ?? this.checker.getUnknownType())
    const plain = type.isIntersection() && type.types.find((one) => !(one.flags & TypeFlags.Object))
    if (plain) return this.of(plain) // a brand
    return this.known(type) ?? this.list(type) ?? this.named(type)
  }

  union(type) {
    const members = type.types.filter((one) => !(one.flags & this.ts.TypeFlags.Undefined))
    const single = members.filter((one) => one.value !== undefined && typeof one.value !== 'object')
    const flags = members.filter((one) => one.flags & this.ts.TypeFlags.BooleanLiteral)
    const rest = members.filter((one) => !single.includes(one) && !flags.includes(one))
    const found = rest.map((one) => this.of(one))
    if (flags.length) found.push(flags.length === 2 ? { type: 'boolean' } : literals([flags[0].intrinsicName === 'true']))
    if (single.length) found.push(literals(single.map((one) => one.value)))
    const nothing = found.findIndex((one) => one.type === 'null')
    if (nothing >= 0) found.push(...found.splice(nothing, 1))
    return found.length === 1 ? found[0] : { anyOf: found }
  }

  /** Return the schema of a class of the language that JSON has another form for. */
  known(type) {
    const name = type.getSymbol()?.name
    if (!name || !this.isOfLibrary(type)) return undefined
    const [first, second] = this.checker.getTypeArguments(type)
    if (name === 'Uint8Array' || name === 'Buffer' || name === 'ArrayBuffer') return { type: 'string', contentEncoding: 'base64' }
    if (name === 'Date') return { type: 'string', format: 'date-time', $comment: name }
    if (NUMBERS.test(name)) return { type: 'array', items: { type: 'number' }, $comment: name }
    if (name === 'Map') return { type: 'object', additionalProperties: this.of(second), $comment: name }
    if (name === 'Set') return { type: 'array', items: this.of(first), $comment: name }
    return undefined
  }

  isOfLibrary(type) {
    return type.getSymbol().declarations?.some((one) => one.getSourceFile().isDeclarationFile) ?? false
  }

  list(type) {
    const { checker } = this
    if (checker.isTupleType(type)) {
      const items = checker.getTypeArguments(type).map((one) => this.of(this.defined(one)))
      const { minLength, combinedFlags, fixedLength } = type.target
      const open = combinedFlags & this.ts.ElementFlags.Variable
      const found = { type: 'array', prefixItems: items.slice(0, fixedLength), minItems: minLength }
      return open ? { ...found, items: items[fixedLength] } : { ...found, maxItems: items.length }
    }
    return checker.isArrayType(type) ? { type: 'array', items: this.of(checker.getTypeArguments(type)[0]) } : undefined
  }

  /** Return an object, of a named type by its name. */
  named(type) {
    const symbol = type.aliasSymbol ?? type.getSymbol()
    const known = this.names.get(type)
    if (known) return { $ref: `#/$defs/${known}` }
    if (!symbol || symbol.name.startsWith('__') || HELPERS.has(symbol.name)) return this.object(type)
    const wanted = this.checker.typeToString(type).replace(/\W+/g, '_').replace(/_+$/, '') || 'Type'
    let name = wanted
    for (let number = 2; name in this.defs; number += 1) name = `${wanted}${number}`
    this.names.set(type, name)
    this.defs[name] = {}
    const description = text(this.ts, symbol.getDocumentationComment(this.checker))
    Object.assign(this.defs[name], { ...(description && { description }), ...this.object(type) })
    return { $ref: `#/$defs/${name}` }
  }

  object(type) {
    const { checker } = this
    const found = { type: 'object' }
    const required = []
    const fields = checker.getPropertiesOfType(type).flatMap((one) => {
      const kind = checker.getTypeOfSymbolAtLocation(one, this.source)
      if (kind.getCallSignatures().length || one.name.startsWith('__@')) return []
      if (!(one.flags & this.ts.SymbolFlags.Optional) && !this.isOptional(kind)) required.push(one.name)
      return [[one.name, this.field(one, this.defined(kind))]]
    })
    if (fields.length) found.properties = Object.fromEntries(fields)
    if (required.length) found.required = required
    const more = checker.getIndexInfosOfType(type)[0]
    if (more) found.additionalProperties = this.of(more.type)
    return found
  }

  /** Return a field with what its comment says of it. */
  field(symbol, type) {
    const found = { ...this.of(type) }
    const description = text(this.ts, symbol.getDocumentationComment(this.checker))
    if (description) found.description = description
    for (const tag of symbol.getJsDocTags(this.checker)) {
      const said = text(this.ts, tag.text)
      if (tag.name === 'integer' && found.type === 'number') found.type = 'integer'
      else if (TAGS.has(tag.name)) found[tag.name] = tag.name === 'pattern' || tag.name === 'format' ? said : value(said)
    }
    return found
  }

  isOptional(type) {
    return type.isUnion() && type.types.some((one) => one.flags & this.ts.TypeFlags.Undefined)
  }

  /** Return `type` without `undefined`, which JSON has not: such a field is left out. */
  defined(type) {
    return this.isOptional(type) ? this.checker.getNonOptionalType?.(type) ?? type : type
  }
}

function literals(values) {
  const kinds = new Set(values.map((one) => typeof one))
  return kinds.size === 1 ? { type: [...kinds][0], enum: values } : { enum: values }
}

function text(ts, parts) {
  return (typeof parts === 'string' ? parts : ts.displayPartsToString(parts ?? [])).trim()
}

function value(said) {
  try {
    return JSON.parse(said)
  } catch {
    return said
  }
}

module.exports = { describe }

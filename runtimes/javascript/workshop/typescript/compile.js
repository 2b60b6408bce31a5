'use strict'
// From TypeScript to JavaScript, incrementally: what did not change is neither checked nor written again.

const fs = require('node:fs')
const path = require('node:path')
const { adding } = require('../../faults.js')

const SOURCE = /\.[cm]?tsx?$/
const SKIPPED = new Set(['node_modules', '.git'])
// Of the compiler: a module is nowhere, or is JavaScript without types.
const ABSENT = 2307
const UNTYPED = 7016
// What an author need not say. Node.js of the image knows ES2023.
const USUAL = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  skipLibCheck: true,
  resolveJsonModule: true,
  rewriteRelativeImportExtensions: true,
}

/**
 * Compile the project in `app` into `program`; end this process when that cannot be done.
 *
 * @returns {{ts: object, checker: object, sources: string[], sourceOf: Function}} The compiler, what
 *   it knows, the files of the project, and how to find one.
 */
function compile({ app, packages, cache, program, bring = fs.copyFileSync }) {
  const tools = path.join(packages, 'tools')
  const compiler = path.join(tools, 'compiler', 'node_modules', 'typescript')
  if (!fs.existsSync(compiler)) fail('there is no package.json, which says what is compiled with it: write {} into one (npm init -y)')
  const ts = require(compiler)
  const { options, errors } = settings(ts, app)
  const files = filesIn(app)
  // All of them, as code may import by a name that it makes.
  const rootNames = files.filter((file) => SOURCE.test(file))
  const out = path.join(cache, 'out')
  const modules = [packages, tools, path.join(tools, 'compiler')]
  Object.assign(options, {
    rootDir: app,
    outDir: out,
    tsBuildInfoFile: path.join(cache, 'state.tsbuildinfo'),
    incremental: true,
    noEmit: false,
    noEmitOnError: true,
    emitDeclarationOnly: false,
    declaration: false,
    composite: false,
    sourceMap: true,
    inlineSourceMap: false,
    typeRoots: [app, ...modules].map((folder) => path.join(folder, 'node_modules', '@types')),
    types: options.types ?? ['node'],
  })
  const host = ts.createIncrementalCompilerHost(options)
  host.resolveModuleNameLiterals = resolver(ts, host, modules)
  const builder = ts.createIncrementalProgram({ rootNames, options, host })
  const made = builder.getProgram()
  const found = [...errors, ...builder.getConfigFileParsingDiagnostics(), ...builder.getOptionsDiagnostics(),
    ...builder.getSyntacticDiagnostics()]
  let problems = wrong(ts, found)
  // A slip of the pen breaks the types after it, too: those are no news until it is mended.
  if (!problems.length) problems = wrong(ts, [...builder.getGlobalDiagnostics(), ...builder.getSemanticDiagnostics()])
  if (problems.length) fail([...told(ts, app, problems), ...hints(ts, app, problems)].join('\n'))
  builder.emit()
  carry(ts, made, app, out, program)
  for (const file of files.filter((one) => !SOURCE.test(one))) beside(file, path.join(program, path.relative(app, file)), bring)
  const sources = rootNames.map((file) => path.relative(app, file))
  return { ts, checker: made.getTypeChecker(), sources, sourceOf: (file) => made.getSourceFile(path.join(app, file)) }
}

/** Return the compiler's options, of tsconfig.json where there is one, and what is wrong with it. */
function settings(ts, app) {
  const known = path.join(app, 'tsconfig.json')
  const read = fs.existsSync(known) ? ts.readConfigFile(known, ts.sys.readFile) : { config: {} }
  const config = read.config ?? {}
  const parsed = ts.parseJsonConfigFileContent({ ...config, files: [], include: [], references: undefined }, ts.sys, app, undefined, known)
  const usual = ts.convertCompilerOptionsFromJson(USUAL, app).options
  const errors = [...(read.error ? [read.error] : []), ...parsed.errors.filter((one) => one.code !== 18002 && one.code !== 18003)]
  return { options: { ...usual, ...parsed.options }, errors }
}

/** Return every file below `folder` that is the author's own. */
function filesIn(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const found = path.join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesIn(found)
    return [found]
  })
}

/** Look for packages as Node.js does, then where they were installed. */
function resolver(ts, host, modules) {
  return (literals, from, redirected, options, source) =>
    literals.map((literal) => {
      const mode = ts.getModeForUsageLocation(source, literal, options)
      const look = (file) => ts.resolveModuleName(literal.text, file, options, host, undefined, redirected, mode)
      const found = look(from)
      if (found.resolvedModule || /^\.|^node:/.test(literal.text)) return found
      const others = modules.map((folder) => look(path.join(folder, 'index.ts')))
      return others.find((one) => one.resolvedModule) ?? found
    })
}

/** Bring what was written to where it runs. */
function carry(ts, made, app, out, program) {
  for (const source of made.getSourceFiles()) {
    if (source.isDeclarationFile || !source.fileName.startsWith(`${app}/`)) continue
    for (const file of ts.getOutputFileNames({ options: made.getCompilerOptions(), fileNames: [source.fileName], errors: [] }, source.fileName, false)) {
      const below = path.relative(out, file)
      const target = path.join(program, below)
      fs.mkdirSync(path.dirname(target), { recursive: true })
      if (file.endsWith('.map')) fs.writeFileSync(target, mapped(file, source.fileName))
      else fs.copyFileSync(file, target)
    }
  }
}

/** Bring a file that code reads beside itself to where the code runs. */
function beside(file, target, bring) {
  if (fs.existsSync(target)) return
  fs.mkdirSync(path.dirname(target), { recursive: true })
  bring(file, target)
}

/** Return a source map that says the author's file as if it lay beside: the same wherever it was made. */
function mapped(file, source) {
  const map = JSON.parse(fs.readFileSync(file, 'utf8'))
  return JSON.stringify({ ...map, sourceRoot: undefined, sources: [path.basename(source)] })
}

function wrong(ts, diagnostics) {
  return diagnostics.filter((one) => one.category === ts.DiagnosticCategory.Error)
}

function told(ts, app, problems) {
  return problems.map((one) => {
    const text = `error TS${one.code}: ${ts.flattenDiagnosticMessageText(one.messageText, '\n')}`
    if (!one.file) return text
    const { line, character } = one.file.getLineAndCharacterOfPosition(one.start)
    return `${path.relative(app, one.file.fileName)}:${line + 1}:${character + 1}: ${text}`
  })
}

/** Return a last line that says how to add the first package that is missing, or its types; or none. */
function hints(ts, app, problems) {
  return problems.flatMap((one) => {
    const said = ts.flattenDiagnosticMessageText(one.messageText, '\n')
    const name = /^[^']*'((?:@[\w.-]+\/)?[\w-][\w.-]*)(?:\/[^']*)?'/.exec(said)?.[1]
    if (!name || fs.existsSync(path.join(app, name))) return []
    if (one.code === ABSENT) return `hint: ${adding(name)}`
    return one.code === UNTYPED ? `hint: ${adding(`@types/${name.replace(/^@(.*)\//, '$1__')}`, '--save-dev ')}` : []
  }).slice(0, 1)
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

module.exports = { compile, fail }

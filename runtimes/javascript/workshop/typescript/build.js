'use strict'
// Makes the program of an algorithm: the author's files as JavaScript, and the schema of its types.
//
//	node build.js APP ENTRYPOINT PACKAGES CACHE PROGRAM
//
// What is wrong goes to standard error as `src/name.ts:3:5: error TS2322: …`.

const fs = require('node:fs')
const path = require('node:path')

const { compile, fail } = require('./compile')
const { describe } = require('./schema')

// Of a `ready` frame, whose header has at most 1 MiB.
const MOST = 600_000

const [app, entrypoint, packages, cache, program] = process.argv.slice(2)
const at = entrypoint.lastIndexOf(':')
const [file, name] = [entrypoint.slice(0, at), entrypoint.slice(at + 1)]
if (!fs.existsSync(path.join(app, file))) fail(`${file} is not there`)
const { ts, checker, sourceOf } = compile({ app, packages, cache, program })
const found = describe(ts, checker, sourceOf(file), name)
if (found.problem) fail(`${file}:${found.line}: ${found.problem}`)
const text = JSON.stringify(found.schema)
fs.writeFileSync(path.join(program, 'algo.schema.json'), text.length <= MOST ? text : '{}')

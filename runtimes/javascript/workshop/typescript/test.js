'use strict'
// Compile the project with its tests and run these.
//
//	node test.js APP PACKAGES CACHE REPORT

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const { compile } = require('./compile')

const TEST = /\.test\.[cm]?tsx?$/

const [app, packages, cache, report] = process.argv.slice(2)
fs.mkdirSync(cache, { recursive: true })
const program = fs.mkdtempSync(path.join(cache, 'test-'))
process.on('exit', () => fs.rmSync(program, { recursive: true }))
const { sources } = compile({ app, packages, cache: path.join(cache, 'tests'), program, bring: fs.symlinkSync })
const tests = sources.filter((file) => TEST.test(file)).map((file) => path.join(program, file.replace(/tsx?$/, 'js')))
const words = ['--enable-source-maps', '--require', path.join(__dirname, '..', '..', 'packages.js'), '--test']
const reporter = path.join(__dirname, '..', 'junit.js')
const reports = [`--test-reporter=${reporter}`, `--test-reporter-destination=${report}`]
const env = { ...process.env, ALGO_PACKAGES: packages, ALGO_TESTS: program }
const done = spawnSync(process.execPath, [...words, ...reports, ...tests], { cwd: app, env, stdio: 'inherit' })
process.exitCode = done.status ?? 1

'use strict'
// Run the author's own tests by node:test: those in tests/, and in test/ where Mocha's are.
//
//   node test.js PACKAGES REPORT

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const [packages, report] = process.argv.slice(2)
const folders = ['tests/', 'test/'].filter((folder) => fs.existsSync(folder))
const words = ['--require', path.join(__dirname, '..', 'packages.js'), '--require', path.join(__dirname, 'mocha.js')]
words.push('--test', `--test-reporter=${path.join(__dirname, 'junit.js')}`, `--test-reporter-destination=${report}`, ...folders)
const env = { ...process.env, ALGO_PACKAGES: packages }
process.exit(spawnSync(process.execPath, words, { stdio: 'inherit', env }).status ?? 1)

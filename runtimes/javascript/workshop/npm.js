'use strict'
// How npm is started by the steps: quiet, with a cache of its own, without addresses in locks.

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const FILES = ['package.json', 'package-lock.json', '.npmrc']
const MOST_SAID = 1 << 26
const LOG = /^npm \S+ +A complete log of this run can be found in:.*\n(npm \S+ +\S+\.log\n)?/gm
const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

/** Run npm in `folder`; end this process as npm did when it fails. */
function npm(words, folder, cache) {
  const env = { ...process.env, npm_config_cache: `${cache}/npm` }
  const command = [...words, ...QUIET, '--omit-lockfile-registry-resolved']
  const done = spawnSync('npm', command, { cwd: folder, env, stdio: ['ignore', 'inherit', 'pipe'], maxBuffer: MOST_SAID })
  if (done.error) throw done.error
  // Its log is in a cache that authors do not see.
  process.stderr.write(done.stderr.toString().replace(LOG, ''))
  if (done.status !== 0) process.exit(done.status ?? 1)
}

/** Install into `target` what the package-lock.json in the folder `from` pins, for `platform`. */
function install(from, target, platform, cache, words = []) {
  fs.mkdirSync(target, { recursive: true })
  for (const name of FILES) {
    if (fs.existsSync(path.join(from, name))) fs.copyFileSync(path.join(from, name), path.join(target, name))
  }
  const here = fits({ os: [process.platform], cpu: [process.arch] }, platform)
  // What another processor runs cannot be built here, and npm leaves its packages out unless forced.
  npm(['ci', ...words, ...(here ? [] : ['--force', '--ignore-scripts'])], target, cache)
  const { packages } = JSON.parse(fs.readFileSync(path.join(from, 'package-lock.json'), 'utf8'))
  for (const [place, entry] of Object.entries(packages)) {
    if (place && !fits(entry, platform)) fs.rmSync(path.join(target, place), { recursive: true, force: true })
  }
  // npm's own notes: when and whence.
  for (const name of [...FILES, 'node_modules/.package-lock.json']) fs.rmSync(path.join(target, name), { force: true })
}

/** Tell whether an entry of package-lock.json is for `linux/amd64` and the like. */
function fits(entry, platform) {
  const [os, architecture] = platform.split('/')
  const cpu = { amd64: 'x64', arm64: 'arm64' }[architecture] ?? architecture
  return allows(entry.os, os) && allows(entry.cpu, cpu) && allows(entry.libc, 'glibc')
}

// `os`, `cpu` and `libc` of a package.json: what is wanted, or with `!` what is not.
function allows(list, value) {
  const words = [].concat(list ?? [])
  if (words.includes(`!${value}`)) return false
  const wanted = words.filter((word) => !word.startsWith('!'))
  return !wanted.length || wanted.includes('any') || wanted.includes(value)
}

module.exports = { npm, install, fits }

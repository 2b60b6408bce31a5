'use strict'
// How npm is started by the steps: quiet, with a cache of its own, without addresses in locks.

const { spawnSync } = require('node:child_process')

const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']

/** Run npm in `folder`; end this process as npm did when it fails. */
function npm(words, folder, cache) {
  const env = { ...process.env, npm_config_cache: `${cache}/npm` }
  const command = [...words, ...QUIET, '--omit-lockfile-registry-resolved']
  const done = spawnSync('npm', command, { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (done.error) throw done.error
  if (done.status !== 0) process.exit(done.status ?? 1)
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

module.exports = { npm, fits }

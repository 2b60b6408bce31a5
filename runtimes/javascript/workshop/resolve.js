'use strict'
// Bring package-lock.json up to date with package.json and list what it pins.
//
//	node resolve.js CACHE

const fs = require('node:fs')
const { npm, fits } = require('./npm')

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64']
const MODULES = 'node_modules/'

const written = fs.readFileSync('package.json', 'utf8')
try {
  JSON.parse(written)
} catch (error) {
  const at = /position (\d+)/.exec(error.message)
  const line = at ? `${written.slice(0, Number(at[1])).split('\n').length}:` : ''
  console.error(`package.json:${line} ${error}`)
  process.exit(1)
}
npm(['install', '--package-lock-only', '--ignore-scripts'], '.', process.argv[2])
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
const { packages } = lock
if (JSON.parse(written).name === undefined) {
  delete lock.name // of a package without one npm takes the folder's, which is ours
  fs.writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
}
const pins = new Map()
for (const [place, entry] of Object.entries(packages)) {
  if (!place.includes(MODULES) || entry.dev) continue
  const name = entry.name ?? place.slice(place.lastIndexOf(MODULES) + MODULES.length)
  if (entry.link || !entry.integrity) {
    console.error(`${name} comes from a folder or an address, which has no hash: publish it to a registry`)
    process.exit(1)
  }
  const pin = { name, version: entry.version, hashes: entry.integrity.split(/\s+/) }
  if (typeof entry.license === 'string') pin.license = entry.license
  const platforms = PLATFORMS.filter((platform) => fits(entry, platform))
  if (platforms.length < PLATFORMS.length) pin.platforms = platforms
  if (platforms.length) pins.set(`${name}@${entry.version}`, pin)
}
fs.writeFileSync('pins.json', JSON.stringify([...pins.values()]))

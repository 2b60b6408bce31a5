'use strict'
// Install what package-lock.json pins, for one platform.
//
//	node install.js PACKAGES PLATFORM CACHE

const fs = require('node:fs')
const path = require('node:path')
const { npm, fits } = require('./npm')

const [, , target, platform, cache] = process.argv
const here = fits({ os: [process.platform], cpu: [process.arch] }, platform)
for (const name of ['package.json', 'package-lock.json']) fs.copyFileSync(name, path.join(target, name))
// What another processor runs cannot be built here, and npm leaves its packages out unless forced.
npm(['ci', '--omit=dev', ...(here ? [] : ['--force', '--ignore-scripts'])], target, cache)
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
for (const [place, entry] of Object.entries(packages)) {
  if (place && !fits(entry, platform)) fs.rmSync(path.join(target, place), { recursive: true, force: true })
}
// npm's own notes: when and whence.
for (const name of ['package.json', 'package-lock.json', 'node_modules/.package-lock.json']) {
  fs.rmSync(path.join(target, name), { force: true })
}

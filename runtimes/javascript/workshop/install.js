'use strict'
// Install what package-lock.json pins, for one platform: what the code needs, and in `tools`, which
// no image has, all of it where there is more for development.
//
//	node install.js PACKAGES PLATFORM CACHE

const fs = require('node:fs')
const path = require('node:path')
const { install } = require('./npm')

const [, , target, platform, cache] = process.argv
install('.', target, platform, cache, ['--omit=dev'])
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
if (Object.values(packages).some((entry) => entry.dev)) install('.', path.join(target, 'tools'), platform, cache)

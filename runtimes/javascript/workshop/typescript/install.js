'use strict'
// Install as for JavaScript, and in `tools` the compiler besides.
//
//	node install.js PACKAGES PLATFORM CACHE

const path = require('node:path')
const { install } = require('../npm')

const [, , target, platform, cache] = process.argv
require('../install')
install(path.join(__dirname, 'compiler'), path.join(target, 'tools', 'compiler'), platform, cache)

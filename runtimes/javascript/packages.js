'use strict'
// The algorithm's packages lie in a folder of their own: imports of its code look there first. Those of another
// program's packages do not: npm, started with this, has its own beside it.

const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const OF_PACKAGE = /[\\/](node_modules|share[\\/]nodejs)[\\/]/

/** Have `require` and `import` find what is installed in `folder`. */
function use(folder) {
  const inside = `${folder}${path.sep}`
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (request, parent, isMain, options) {
    const from = parent?.filename ?? ''
    const ours = isPackage(request) && !options && !from.startsWith(inside) && !OF_PACKAGE.test(from)
    if (ours) {
      try {
        return resolve.call(this, request, parent, isMain, { paths: [folder] })
      } catch (error) {
        if (error.code !== 'MODULE_NOT_FOUND') throw error
      }
    }
    return resolve.call(this, request, parent, isMain, options)
  }
  const data = pathToFileURL(inside).href
  Module.register?.(pathToFileURL(path.join(__dirname, 'packages.mjs')), { data })
}

function isPackage(request) {
  return !/^(\.{0,2}\/|\.{1,2}$|#|node:|file:|data:)/.test(request) && !Module.isBuiltin(request)
}

// `node --require packages.js`, for the author's tests and scripts: with what is for development, too.
const named = process.env.ALGO_PACKAGES
if (named) use(fs.existsSync(path.join(named, 'tools', 'node_modules')) ? path.join(named, 'tools') : named)

module.exports = { use }

// The same for `import`, in the thread in which Node.js resolves: see packages.js.

import { isBuiltin } from 'node:module'

const OF_PACKAGE = /\/(node_modules|share\/nodejs)\//

let folder = ''

export function initialize(data) {
  folder = data
}

export async function resolve(specifier, context, next) {
  const { parentURL } = context // which `next` overwrites with what it is given
  const relative = /^(\.{0,2}\/|\.{1,2}$|#|[a-z]+:)/.test(specifier)
  const packaged = parentURL?.startsWith(folder) || OF_PACKAGE.test(parentURL ?? '')
  if (folder && !relative && !isBuiltin(specifier) && !packaged) {
    try {
      return await next(specifier, { ...context, parentURL: folder })
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    }
  }
  return next(specifier, { ...context, parentURL })
}

// The same for `import`, in the thread in which Node.js resolves: see kit.js.

let client = ''

export function initialize(data) {
  client = data
}

export function resolve(specifier, context, next) {
  if (specifier !== 'algorithmia') return next(specifier, context)
  return { url: client, format: 'commonjs', shortCircuit: true }
}

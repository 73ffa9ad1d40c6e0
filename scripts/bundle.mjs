// Makes the program as it is run and published: node scripts/bundle.mjs [ROOT], under a Node that the bundler runs on.
//
// A thread or process of Farwatch reads a hundred modules, and the main thread a thousand with those of packages, through the doors of the
// folders, of which each uses a few. So each thing that is started has one file, which holds what it uses; what several use lies beside them.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './install.mjs'

// Packages that stay where npm puts them: they read files of their own, and are loaded seldom.
const left = new Set([
  '@fastify/swagger',
  '@fastify/swagger-ui',
  'hdb',
  'koffi',
  'mongodb',
  'mysql2',
  'net-snmp',
  'nodemailer',
  'oracledb',
  'pg',
  'pino-pretty',
  'ssh2',
  'tedious',
])

const of = resolve(process.argv[2] ?? root)
const sources = join(of, 'src')
const output = join(of, 'dist', 'program')

/** The command, and every module that is started as a thread or process of its own: it is named where that is done. */
function entries() {
  const found = { main: join(sources, 'cli', 'main.ts') }
  for (const name of readdirSync(sources, { recursive: true })) {
    const file = join(sources, name)
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    for (const [, sibling] of readFileSync(file, 'utf8').matchAll(/siblingModule\(import\.meta\.url, '([^']+)'\)/g))
      found[sibling] = join(dirname(file), `${sibling}.ts`)
  }
  return found
}

/**
 * Node's own modules are had without their facades for ES modules, which read every property once: with `node:http` alone that loads all of
 * `fetch`, in every process and thread.
 */
const builtins = {
  name: 'builtins',
  resolveId: (id, _, { kind }) => (kind === 'import-statement' && isBuiltin(id) ? `${facade}${id}` : undefined),
  load(id) {
    if (!id.startsWith(facade)) return undefined
    const name = id.slice(facade.length)
    const names = Object.keys(process.getBuiltinModule(name)).filter(
      (key) => /^[a-z]\w*$/i.test(key) && key !== 'default',
    )
    return [
      `const all = process.getBuiltinModule('${name}')`,
      'export default all',
      ...names.map((key, i) => `const _${i} = all.${key}\nexport { _${i} as ${key} }`),
    ].join('\n')
  },
}
const facade = '\0'

/** The terms of what was taken in, which ask to be passed on with it. */
function licences(chunks) {
  const folders = new Set(
    chunks
      .flatMap(({ moduleIds }) => moduleIds)
      .map((id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/'))?.[0])
      .filter((folder) => folder !== undefined),
  )
  return [...folders]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`
      return `${name} ${version} (${license})${text}\n`
    })
    .join('\n---\n\n')
}

const input = entries()
const started = new Set(Object.values(input))
const bundle = await rolldown({
  input,
  platform: 'node',
  tsconfig: false,
  external: (id) => left.has(/^(@[^/]+\/)?[^/]+/.exec(id)?.[0]),
  plugins: [builtins],
  treeshake: {
    propertyReadSideEffects: false,
    // What nobody asks anything of is left out: modules of ours do nothing when they are imported, but for those that are started.
    moduleSideEffects: (id) => (id.startsWith(sources) || id.startsWith(facade) ? started.has(id) : undefined),
  },
})
const { output: chunks } = await bundle.write({
  dir: output,
  format: 'es',
  entryFileNames: '[name].js',
  chunkFileNames: 'part-[hash].js',
  comments: false,
  // V8 keeps the text of what was loaded, in each thread that loaded it: one byte for a character as long as all of them are ASCII, else two.
  // The lines stay, since stacks and the last words of a program that ends show them.
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
})
await bundle.close()
writeFileSync(join(output, 'LICENCES.txt'), licences(chunks))
// Of an earlier build. A program that runs meanwhile has loaded what it needs at most times; before, nothing of it is taken away.
const made = new Set(['LICENCES.txt', ...chunks.map(({ fileName }) => fileName)])
for (const name of readdirSync(output)) if (!made.has(name)) rmSync(join(output, name))

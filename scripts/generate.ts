// npm run generate: writes what follows from declarations. `--check` writes nothing and fails where something is stale.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyConnector, AnyMonitor, AnyPlugin, Library } from '../src/sdk/index.ts'
import { root } from './install.mjs'
import {
  connectorsPage,
  errorsPage,
  monitorIndexPage,
  monitorPage,
  pluginIndexPage,
  pluginPage,
  settingsPage,
} from './reference.ts'

const typeOf = { monitors: 'AnyMonitor', connectors: 'AnyConnector', plugins: 'AnyPlugin' }

/** Files of a folder that declare something: one with a default export that is made by `define…`. */
function declaringFiles(folder: string): string[] {
  const path = join(root, 'src', folder)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !['index.ts', 'testing.ts'].includes(name))
    .filter((name) =>
      /^export default define(Monitor|Connector|Plugin)\b/m.test(readFileSync(join(path, name), 'utf8')),
    )
    .sort()
}

/** `tls.certificate.ts` is imported as `tlsCertificate`. */
function identifierOf(file: string): string {
  return file.replace(/\.ts$/, '').replace(/[^A-Za-z0-9]+(.)/g, (_, next: string) => next.toUpperCase())
}

function registry(folder: keyof typeof typeOf): string {
  const files = declaringFiles(folder)
  const type = typeOf[folder]
  return [
    '// Written by `npm run generate`; do not edit.',
    `import type { ${type} } from '../sdk/index.ts'`,
    ...files.map((file) => `import ${identifierOf(file)} from './${file}'`),
    '',
    `export const ${folder}: readonly ${type}[] = [${files.map(identifierOf).join(', ')}]`,
    '',
  ].join('\n')
}

/** The packages of others that come along, by licence, as the lock file names them. */
function madeOf(): string {
  // As npm writes it.
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; link?: boolean; license?: string }>
  }
  const byLicence = new Map<string, Set<string>>()
  for (const [path, { dev, devOptional, link, license }] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1)!
    if (!path.includes('node_modules/') || dev === true || devOptional === true || link === true) continue
    const licence = license ?? 'see the package'
    byLicence.set(licence, (byLicence.get(licence) ?? new Set()).add(name))
  }
  const lists = [...byLicence].map(([licence, names]): [string, string[]] => [licence, [...names].sort()])
  lists.sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))
  return [
    '// Written by `npm run generate`; do not edit.',
    '/** The packages of others that come along, by licence. */',
    `export const madeOf: readonly (readonly [licence: string, names: readonly string[]])[] = ${JSON.stringify(lists)}`,
    '',
  ].join('\n')
}

async function declared<T>(folder: keyof typeof typeOf): Promise<T[]> {
  const modules = declaringFiles(folder).map((file) => pathToFileURL(join(root, 'src', folder, file)).href)
  return Promise.all(modules.map(async (url) => ((await import(url)) as { default: T }).default))
}

/** Every generated file: path below the root, and what it must hold. */
async function generated(): Promise<Map<string, string>> {
  const library: Library = {
    monitors: new Map((await declared<AnyMonitor>('monitors')).map((one) => [one.id, one])),
    connectors: new Map((await declared<AnyConnector>('connectors')).map((one) => [one.id, one])),
    plugins: new Map((await declared<AnyPlugin>('plugins')).map((one) => [one.id, one])),
  }
  const files = new Map<string, string>([
    ['src/monitors/index.ts', registry('monitors')],
    ['src/connectors/index.ts', registry('connectors')],
    ['src/plugins/index.ts', registry('plugins')],
    ['web/src/made-of.ts', madeOf()],
    ['docs/errors.md', errorsPage()],
    ['docs/settings.md', settingsPage()],
    ['docs/monitors/index.md', monitorIndexPage(library)],
    ['docs/plugins/index.md', pluginIndexPage(library)],
    ['docs/connectors.md', connectorsPage(library)],
  ])
  for (const monitor of library.monitors.values())
    files.set(`docs/monitors/${monitor.id}.md`, monitorPage(monitor, library))
  for (const plugin of library.plugins.values()) files.set(`docs/plugins/${plugin.id}.md`, pluginPage(plugin))
  return files
}

/** Lays TypeScript out as oxfmt does, so that the format check and this one agree. */
function formatted(path: string, content: string): string {
  if (!path.endsWith('.ts')) return content
  const oxfmt = join(root, 'node_modules', 'oxfmt', 'bin', 'oxfmt')
  const done = spawnSync(process.execPath, [oxfmt, '--stdin-filepath', join(root, path)], {
    input: content,
    encoding: 'utf8',
    cwd: root,
  })
  if (done.status !== 0) throw new Error(`oxfmt refused the generated ${path}: ${done.stderr}`)
  return done.stdout
}

/** Pages of monitors and plugins that are no more. */
function leftOver(files: ReadonlyMap<string, string>): string[] {
  return ['docs/monitors', 'docs/plugins'].flatMap((folder) => {
    const path = join(root, folder)
    return existsSync(path)
      ? readdirSync(path)
          .filter((name) => name.endsWith('.md'))
          .map((name) => `${folder}/${name}`)
          .filter((name) => !files.has(name))
      : []
  })
}

const onlyCheck = process.argv.includes('--check')
const files = await generated()
const stale: string[] = []
for (const [path, raw] of files) {
  const target = join(root, path)
  const content = formatted(path, raw)
  if (existsSync(target) && readFileSync(target, 'utf8') === content) continue
  stale.push(path)
  if (onlyCheck) continue
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, content)
}
for (const path of leftOver(files)) {
  stale.push(path)
  if (!onlyCheck) rmSync(join(root, path))
}
if (onlyCheck && stale.length > 0) {
  process.stderr.write(
    `Stale, to be written anew with \`npm run generate\`:\n${stale.map((path) => `  ${path}\n`).join('')}`,
  )
  process.exit(1)
}
if (!onlyCheck) process.stdout.write(`${stale.length} of ${files.size} generated files changed\n`)

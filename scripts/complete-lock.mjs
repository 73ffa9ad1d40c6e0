// Writes into package-lock.json what npm left out: the optional packages of other platforms. npm does so where a lock file is changed
// with node_modules present (npm/cli issue 4828), or where a registry does not have them; `npm ci` then refuses the lock file everywhere.
// Without --check it mends the file; with it, it fails where something is missing.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './install.mjs'

const file = join(root, 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))
const packages = lock.packages

const systems = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  win32: 'win32',
  win: 'win32',
  openharmony: 'openharmony',
  sunos: 'sunos',
  aix: 'aix',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
}
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32', 'mips64el']

/** The platform a package is for, read from its name: `@x/binding-linux-x64-musl`. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-')
  const os = words.map((word) => systems[word]).find((found) => found !== undefined)
  const cpu = words.find((word) => processors.includes(word))
  const libc = words.includes('musl') ? 'musl' : words.includes('gnu') ? 'glibc' : undefined
  return {
    ...(name === 'fsevents' ? { os: ['darwin'] } : {}),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }),
    ...(os === undefined ? {} : { os: [os] }),
  }
}

/** Whether Node would find a package from another: beside it, or in a folder above. */
function isThere(from, name) {
  const above = from.split('/node_modules/').map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'))
  return ['', ...above].some(
    (path) => (path === '' ? `node_modules/${name}` : `${path}/node_modules/${name}`) in packages,
  )
}

const added = []
for (const [from, about] of Object.entries({ ...packages })) {
  for (const [name, range] of Object.entries(about.optionalDependencies ?? {})) {
    if (isThere(from, name)) continue
    const entry = {
      version: range.replace(/^[\^~]/, ''),
      ...platformOf(name),
      ...(about.dev === true ? { dev: true } : {}),
      optional: true,
    }
    packages[`node_modules/${name}`] = entry
    added.push(name)
  }
}
if (process.argv.includes('--check')) {
  if (added.length > 0)
    process.stderr.write(
      `package-lock.json lacks ${added.length} packages of other platforms (${added.slice(0, 3).join(', ')}, …); run \`node scripts/complete-lock.mjs\`\n`,
    )
  process.exit(added.length === 0 ? 0 : 1)
}
// In npm's own order, so that its next change is a small one.
const [first, ...rest] = Object.entries(packages)
rest.sort(([a], [b]) => a.localeCompare(b, 'en'))
lock.packages = Object.fromEntries([first, ...rest])
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added.length} packages added\n`)

import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram } from '../../scripts/build-program.mjs'
import { root } from '../../scripts/install.mjs'

/** A built program beside this one. */
export interface BuiltVersion extends AsyncDisposable {
  /** Its `bin/farwatch`. */
  readonly program: string
  readonly version: string
}

/**
 * Builds the version that comes after this one: the compiled program (`dist/`, as `npm run build` makes it, so this version runs compiled from
 * now on, too) is copied to a directory of its own beside its launcher and package.json, and these lines of the copy are changed:
 *
 *   package.json              the version
 *   failover/protocol.js      `spoken` of the pair: 1 to 2 instead of 1
 *   link/protocol.js          `spoken` of agents: 1 to 2 instead of 1
 *   inventory/store.js        one more step of the schema: a column of `configuration_revision`, with a default
 *   inventory/inventory.js    the statement that writes a revision names that column
 *
 * @param pairSpeaks another range for the pair, as of a version that is further away
 * @throws Error where a line is not there any more: then this must be changed with it
 */
export async function buildNextVersion(pairSpeaks = { min: 1, max: 2 }): Promise<BuiltVersion> {
  if (!buildProgram()) throw new Error('the program could not be compiled')
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-next-'))
  const [from, to] = [(path: string) => join(root, path), (path: string) => join(directory, path)]
  await cp(from('dist'), to('dist'), { recursive: true })
  await cp(from('bin'), to('bin'), { recursive: true })
  await symlink(from('node_modules'), to('node_modules'))
  const change = async (path: string, pattern: RegExp, replacement: string) => {
    const before = await readFile(from(path), 'utf8')
    const after = before.replace(pattern, replacement)
    if (after === before) throw new Error(`${path} has nothing like ${pattern}`)
    await mkdir(join(to(path), '..'), { recursive: true })
    await writeFile(to(path), after)
  }
  const version = '99.0.0'
  await change('package.json', /"version": "[^"]+"/, `"version": "${version}"`)
  const spoken = /\bspoken = \{ min: 1, max: 1 \}/
  await change('dist/failover/protocol.js', spoken, `spoken = ${JSON.stringify(pairSpeaks)}`)
  await change('dist/link/protocol.js', spoken, 'spoken = { min: 1, max: 2 }')
  await change(
    'dist/inventory/store.js',
    /(name: 'inventory',\s+steps: \[[^\]]*)(\],)/,
    `$1"ALTER TABLE configuration_revision ADD COLUMN origin TEXT NOT NULL DEFAULT 'before'",$2`,
  )
  await change(
    'dist/inventory/inventory.js',
    /(INSERT INTO configuration_revision \([^)]*)(\)\s+VALUES \([^)]*)\)/,
    `$1, origin$2, 'next')`,
  )
  return {
    program: to('bin/farwatch'),
    version,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

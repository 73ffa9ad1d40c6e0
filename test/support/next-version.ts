import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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
 * Builds the version that comes after this one: sources, launcher and package.json are copied to a directory of its own, these lines of the
 * copy are changed, and the program is built out of it as `npm run build` does. This version is built, too, so that both run alike.
 *
 *   package.json              the version
 *   failover/protocol.ts      `spoken` of the pair: 1 to 2 instead of 1
 *   link/protocol.ts          `spoken` of agents: 1 to 2 instead of 1
 *   inventory/store.ts        one more step of the schema: a column of `configuration_revision`, with a default
 *   inventory/inventory.ts    the statement that writes a revision names that column
 *
 * @param pairSpeaks another range for the pair, as of a version that is further away
 * @throws Error where a line is not there any more: then this must be changed with it
 */
export async function buildNextVersion(pairSpeaks = { min: 1, max: 2 }): Promise<BuiltVersion> {
  const directory = await mkdtemp(join(tmpdir(), 'farwatch-next-'))
  const [from, to] = [(path: string) => join(root, path), (path: string) => join(directory, path)]
  for (const path of ['src', 'bin', 'package.json']) await cp(from(path), to(path), { recursive: true })
  await symlink(from('node_modules'), to('node_modules'))
  const change = async (path: string, pattern: RegExp, replacement: string) => {
    const before = await readFile(to(path), 'utf8')
    const after = before.replace(pattern, replacement)
    if (after === before) throw new Error(`${path} has nothing like ${pattern}`)
    await writeFile(to(path), after)
  }
  const version = '99.0.0'
  await change('package.json', /"version": "[^"]+"/, `"version": "${version}"`)
  const spoken = /\bspoken(: \w+)? = \{ min: 1, max: 1 \}/
  await change('src/failover/protocol.ts', spoken, `spoken = ${JSON.stringify(pairSpeaks)}`)
  await change('src/link/protocol.ts', spoken, 'spoken = { min: 1, max: 2 }')
  await change(
    'src/inventory/store.ts',
    /(name: 'inventory',\s+steps: \[[^\]]*)(\],)/,
    `$1"ALTER TABLE configuration_revision ADD COLUMN origin TEXT NOT NULL DEFAULT 'before'",$2`,
  )
  await change(
    'src/inventory/inventory.ts',
    /(INSERT INTO configuration_revision \([^)]*)(\)\s+VALUES \([^)]*)\)/,
    `$1, origin$2, 'next')`,
  )
  if (!buildProgram() || !buildProgram(directory)) throw new Error('the program could not be built')
  return {
    program: to('bin/farwatch'),
    version,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}

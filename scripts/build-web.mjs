// Builds the portal where its output is older than what it is made of.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import launcher from '../bin/launcher.js'
import { root } from './install.mjs'
import { compressOutput } from './portal-output.mjs'

const web = join(root, 'web')
// The portal takes its types from here, and what it shows with them.
const madeOf = ['web/src', 'web/public', 'src/base', 'src/contract', 'src/model']
const alsoMadeOf = [
  ...['web/index.html', 'web/package.json', 'web/vite.config.ts', 'web/tsconfig.json'],
  ...['scripts/build-web.mjs', 'scripts/portal-output.mjs'],
]

/** @throws Error where the build fails */
export function buildPortal() {
  const output = join(web, 'dist', 'index.html')
  if (!existsSync(join(web, 'package.json'))) return
  const newest = Math.max(
    ...madeOf.map((folder) => join(root, folder)).map((path) => (existsSync(path) ? launcher.newestIn(path) : 0)),
    ...alsoMadeOf.map((file) => join(root, file)).map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)),
  )
  if (existsSync(output) && statSync(output).mtimeMs >= newest) return
  process.stderr.write('Building the portal…\n')
  const vite = join(dirname(createRequire(join(web, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js')
  const done = spawnSync(launcher.findNode() ?? process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: web,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) throw new Error(`the portal could not be built (exit code ${done.status})`)
  try {
    compressOutput(join(web, 'dist'))
  } catch (thrown) {
    // By this file the next time knows whether there is something to do.
    rmSync(output)
    throw thrown
  }
}

// Makes the program (scripts/bundle.mjs) where what was made is older than its sources.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import launcher from '../bin/launcher.js'
import { root } from './install.mjs'

/**
 * Types are checked elsewhere (`npm run check`): what cannot be read at all is refused here.
 * @param of where `src` is and `dist` will be
 * @returns whether the built program is there and fresh; where not, the launcher runs the sources
 */
export function buildProgram(of = root) {
  const mark = join(of, 'dist', '.built')
  // Packages are taken in as well.
  const others = ['scripts/bundle.mjs', 'package-lock.json'].map((file) => statSync(join(root, file)).mtimeMs)
  const newest = Math.max(launcher.newestIn(join(of, 'src')), ...others)
  if (existsSync(join(of, 'dist', 'program', 'main.js')) && existsSync(mark) && statSync(mark).mtimeMs > newest)
    return true
  process.stderr.write('Building the program…\n')
  rmSync(mark, { force: true })
  const node = launcher.findNode() ?? process.execPath
  const done = spawnSync(node, [join(root, 'scripts', 'bundle.mjs'), of], { cwd: root, stdio: ['ignore', 2, 2] })
  if (done.status !== 0) return false
  // Last of all: the launcher prefers dist/ only where this is newer than every source.
  writeFileSync(mark, `${new Date().toISOString()}\n`)
  return true
}

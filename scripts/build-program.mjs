// Compiles the program where its output is older than its sources. Compiled it starts in half the time, and a standalone instance takes
// 407 MB of memory instead of 540 (measured): each process and thread that strips types carries the stripper with it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import launcher from '../bin/launcher.js'
import { root } from './install.mjs'

/** @returns whether the compiled program is there and fresh; where not, the launcher runs the sources */
export function buildProgram() {
  const mark = join(root, 'dist', '.built')
  if (existsSync(mark) && statSync(mark).mtimeMs > launcher.newestIn(join(root, 'src'))) return true
  process.stderr.write('Compiling…\n')
  rmSync(mark, { force: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const done = spawnSync(launcher.findNode() ?? process.execPath, [compiler, '-b'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (done.status !== 0) return false
  mkdirSync(join(root, 'dist'), { recursive: true })
  // Last of all: the launcher prefers dist/ only where this is newer than every source.
  writeFileSync(mark, `${new Date().toISOString()}\n`)
  return true
}

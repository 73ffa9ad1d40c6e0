// npm run build: the program as it is published (dist/) and the portal (web/dist/).
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildPortal } from './build-web.mjs'
import { root } from './install.mjs'

const mark = join(root, 'dist', '.built')
rmSync(mark, { force: true })
const compiled = spawnSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], {
  cwd: root,
  stdio: 'inherit',
})
if (compiled.status !== 0) process.exit(1)
buildPortal()
// Last of all: the launcher prefers dist/ only where this is newer than every source.
writeFileSync(mark, `${new Date().toISOString()}\n`)

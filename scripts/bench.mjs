// npm run bench: every measurement in bench/, one after another, with the facts of the machine they hold for. `npm run bench -- store` runs
// those whose name holds the word; what follows a further -- goes to them.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import launcher from '../bin/launcher.js'
import { installPackages, root } from './install.mjs'

installPackages()
const given = process.argv.slice(2)
const split = given.indexOf('--')
const words = split === -1 ? given : given.slice(0, split)
const passedOn = split === -1 ? [] : given.slice(split + 1)

const processors = cpus()
const memory = (totalmem() / 1024 ** 3).toFixed(1)
process.stdout.write(
  `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${memory} GiB, ${process.platform} ${release()}, ${new Date().toISOString()}\n`,
)
const files = readdirSync(join(root, 'bench'))
  .filter((name) => name.endsWith('.ts') && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()
let failed = 0
for (const name of files) {
  process.stdout.write(`\n# ${name.replace(/\.ts$/, '')}\n`)
  const options = ['--disable-warning=ExperimentalWarning', join(root, 'bench', name), ...passedOn]
  if (spawnSync(launcher.findNode() ?? process.execPath, options, { stdio: 'inherit' }).status !== 0) failed++
}
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1

// npm run bench: prints the figures of docs/performance.md for this machine. `npm run bench -- --list` names the rows,
// `npm run bench -- ROW…` runs some of them.
import launcher from '../bin/launcher.js'
import { installPackages, root } from './install.mjs'
import { fping, installPrograms, nginx, openssl } from './programs.mjs'
import { join } from 'node:path'

const args = process.argv.slice(2)
try {
  installPackages()
  if (!args.includes('--list')) installPrograms([nginx, openssl, fping], 'The benches')
  launcher.run(join(root, 'bench', 'main.ts'), args)
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`)
  process.exitCode = 1
}

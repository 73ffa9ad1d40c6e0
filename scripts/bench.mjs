// npm run bench: prints the figures of docs/performance.md for this machine. `npm run bench -- --list` names the rows,
// `npm run bench -- ROW…` runs some of them.
import launcher from '../bin/launcher.js'
import { installPackages, root } from './install.mjs'
import { join } from 'node:path'

installPackages()
launcher.run(join(root, 'bench', 'main.ts'), process.argv.slice(2))

// npm start: from a fresh clone to a running instance. `npm start -- <arguments>` runs any other command of the program.
import launcher from '../bin/launcher.js'
import { buildProgram } from './build-program.mjs'
import { buildPortal } from './build-web.mjs'
import { installPackages } from './install.mjs'

const given = process.argv.slice(2)
const asksForHelp = given.some((argument) => ['-h', '--help', '-V', '--version'].includes(argument))
// Options alone are meant for `start`, the one command that a newcomer need not name.
const args = given[0] === undefined || (given[0].startsWith('-') && !asksForHelp) ? ['start', ...given] : given

try {
  installPackages()
  // A clone in the middle of somebody's work may not compile; its sources still run.
  buildProgram()
  if (args[0] === 'start' && !asksForHelp) buildPortal()
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`)
  process.exit(1)
}
launcher.launch(args)

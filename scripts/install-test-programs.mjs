// Installs the programs that the tests start, as a process of its own: `npm test` does other things meanwhile.
import { installPrograms, testPrograms } from './programs.mjs'

try {
  installPrograms(testPrograms, 'The tests')
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`)
  process.exitCode = 1
}

// npm test: on a fresh clone, installs what is missing and runs every check and test. `npm test -- <arguments>` runs vitest alone with
// them, for the short way round while working.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import launcher from '../bin/launcher.js'
import { buildProgram } from './build-program.mjs'
import { buildPortal } from './build-web.mjs'
import { installPackages, root } from './install.mjs'
import { missingPrograms, testPrograms } from './programs.mjs'

/** Runs a script under the Node of the program, with the same Node first in PATH for whatever it starts. @returns exit code, and what it said */
function underNode(script, args, { collect = false } = {}) {
  const node = launcher.findNode() ?? process.execPath
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
    // Threads and processes that tests start take types out of the sources by WebAssembly; what one has done is kept for the others.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'farwatch-test'),
  }
  return new Promise((done, failed) => {
    const stdio = ['ignore', collect ? 'pipe' : 'inherit', 'inherit']
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, script), ...args], {
      cwd: root,
      env,
      stdio,
    })
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += chunk
      process.stdout.write(chunk)
    })
    child.on('error', failed)
    child.on('close', (code) => done({ code: code ?? 1, output }))
  })
}

/** All projects in one run, so that the last files of one do not run on alone beside an idle core. */
async function vitest(folder) {
  const report = join(folder, 'report.json')
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { code } = await underNode('node_modules/vitest/vitest.mjs', args)
  const seen = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : { numPassedTests: 0, numFailedTests: 0, testResults: [] }
  // A file that could not be loaded has no tests to count.
  const failed =
    seen.numFailedTests +
    seen.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  // An error outside of a test, or a runner that died, is a failure that no test bears.
  return { passed: seen.numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed }
}

async function checks() {
  const { code, output } = await underNode('scripts/check.ts', [], { collect: true })
  const counted = /(\d+) checks passed, (\d+) failed\s*$/.exec(output)
  return counted === null
    ? { passed: 0, failed: 1 }
    : { passed: Number(counted[1]), failed: code === 0 ? 0 : Number(counted[2]) }
}

/**
 * Begins to install the programs that are missing, which waits for a network and a disk most of the time: packages are installed, and checks run, beside
 * it. @returns resolves where all are there, and rejects where they could not be had. @throws Error at once where this user may not install any
 */
function beginPrograms() {
  if (missingPrograms(testPrograms, 'The tests').length === 0) return Promise.resolve()
  const child = spawn(process.execPath, [join(root, 'scripts', 'install-test-programs.mjs')], {
    stdio: ['ignore', 2, 2],
  })
  const done = new Promise((there, failed) => {
    child.on('error', failed)
    child.on('close', (code) =>
      code === 0 ? there() : failed(new Error('The programs that the tests need could not be installed.')),
    )
  })
  // Told where it is awaited.
  done.catch(() => undefined)
  return done
}

async function everything(programs) {
  // What cannot be built is among the checks; the stories then run from the sources.
  buildProgram()
  buildPortal()
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-test-'))
  try {
    // The tests run even where a check failed: one look shows all there is to mend.
    const checked = await checks()
    await programs
    const counts = [checked, await vitest(folder)]
    const passed = counts.reduce((sum, count) => sum + count.passed, 0)
    const failed = counts.reduce((sum, count) => sum + count.failed, 0)
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
    return failed === 0 && passed > 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  const args = process.argv.slice(2)
  const programs = args.length === 0 ? beginPrograms() : undefined
  installPackages()
  if (args.some((arg) => arg.includes('portal'))) buildPortal()
  process.exitCode =
    programs !== undefined
      ? await everything(programs)
      : (await underNode('node_modules/vitest/vitest.mjs', ['run', ...args])).code
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`)
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = 1
}

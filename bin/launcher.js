// Finds a Node that can run Farwatch and starts the program under it. Plain CommonJS without dependencies: this is the one file that an
// old Node must understand, on a machine where nothing is installed yet.
'use strict'
const { spawn } = require('node:child_process')
const { existsSync, readdirSync, statSync } = require('node:fs')
const { constants } = require('node:os')
const { join, resolve } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = resolve(__dirname, '..')

// TypeScript sources run without a build from here on, and node:sqlite and argon2 are there.
const wanted = [24, 12]

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1])
}

/** The Node to run under: the one named by FARWATCH_NODE, this one, or the one that came along. Undefined where there is none. */
function findNode() {
  if (process.env.FARWATCH_NODE) return process.env.FARWATCH_NODE
  if (isNewEnough(process.versions.node)) return process.execPath
  const system = { linux: 'linux', win32: 'win' }[process.platform]
  if (system === undefined) return undefined
  const name = `node-${system}-${process.arch}`
  try {
    // From this file upwards, as npm installs it: beside this package, or hoisted above it.
    const found = join(require.resolve(`${name}/package.json`), '..', 'bin', system === 'win' ? 'node.exe' : 'node')
    return existsSync(found) ? found : undefined
  } catch {
    return undefined
  }
}

/** Newest change below a folder, epoch milliseconds. */
function newestIn(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) newest = Math.max(newest, newestIn(path))
    else if (entry.isFile()) newest = Math.max(newest, statSync(path).mtimeMs)
  }
  return newest
}

/** What to run: the built program where it is all there is, or was built whole after the last change; else the sources. */
function findProgram() {
  const sources = join(root, 'src', 'cli', 'main.ts')
  const built = join(root, 'dist', 'program', 'main.js')
  if (!existsSync(sources)) return built
  // The build writes this mark last: one that stopped half way leaves a mixture behind.
  const mark = join(root, 'dist', '.built')
  if (existsSync(built) && existsSync(mark) && statSync(mark).mtimeMs > newestIn(join(root, 'src'))) return built
  return sources
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

const nodeOptions = [
  // node:sqlite works and says at every start that it is young; that line would be the one thing on stderr that is not JSON.
  '--disable-warning=ExperimentalWarning',
  // MiB for young garbage, of the main thread and of each thread of a database: unbounded it takes up to 100 MB more for each under load.
  // And by how much old garbage may let a heap grow before it is collected, which by itself is a multiple; below a half it costs CPU
  // (docs/performance.md).
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
]

/** What the program is told beside the caller's own environment; what the caller says about the same wins. */
function environment() {
  return {
    // Compiled code and types taken out are kept, so that later starts do neither again. A directory that cannot be written is done without.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'farwatch'),
    // With a dozen threads, glibc keeps as many heaps, and gives none of them back.
    MALLOC_ARENA_MAX: '2',
    // Told neither, it takes the largest block that was given back, the text of the program, as a measure of how much it may keep: 20 MiB that
    // nobody uses (docs/performance.md). Blocks below 2 MiB are worth keeping: asking the kernel for each costs CPU.
    MALLOC_TRIM_THRESHOLD_: String(2 ** 20),
    MALLOC_MMAP_THRESHOLD_: String(2 ** 21),
    ...process.env,
  }
}

/** Runs a module under a Node that is new enough and ends with its exit code. Does not return. */
function run(module, args) {
  const node = findNode()
  if (node === undefined) {
    fail(
      `Farwatch needs Node ${wanted.join('.')} or newer; this is ${process.versions.node}, and none came along for ${process.platform} ${process.arch}.\n` +
        'Install it from https://nodejs.org, or name one with FARWATCH_NODE. In a clone, `npm ci` without --omit=optional brings it along.',
    )
  }
  if (typeof process.execve === 'function' && isNewEnough(process.versions.node) && process.platform !== 'win32') {
    // In place of this process: no parent that waits, nothing to pass signals through. It is new in Node and warns; that is all it does.
    process.emitWarning = () => undefined
    process.execve(node, [node, ...nodeOptions, module, ...args], environment())
  }
  // The far end of descriptor 3 closes when this process is killed; the program then ends too, instead of keeping the data directory.
  const watch = pathToFileURL(join(__dirname, 'end-with-launcher.mjs')).href
  const child = spawn(node, [...nodeOptions, '--import', watch, module, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...environment(), FARWATCH_LAUNCHER: String(process.pid) },
  })
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`))
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGINT']) {
    process.on(signal, () => {
      // A terminal sends this one to the whole group; the program has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + (constants.signals[signal] || 0)))
}

function launch(args) {
  run(findProgram(), args)
}

module.exports = { findNode, isNewEnough, launch, newestIn, root, run }

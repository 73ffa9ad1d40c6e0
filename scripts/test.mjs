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
import { folderHolds, fping, inPath, installPrograms, nginx, openssl } from './programs.mjs'

// The real programs that the tests start, by the Debian package that brings them, and how to see that they are there.
const programs = [
  nginx,
  { package: 'postgresql', isThere: () => inPath('postgres') || folderHolds('/usr/lib/postgresql', 'bin/postgres') },
  { package: 'redis-server', isThere: () => inPath('redis-server') },
  { package: 'mariadb-server', isThere: () => inPath('mariadbd') },
  { package: 'prometheus-node-exporter', isThere: () => inPath('prometheus-node-exporter') },
  { package: 'victoria-metrics', isThere: () => inPath('victoria-metrics') },
  { package: 'monitoring-plugins-basic', isThere: () => existsSync('/usr/lib/nagios/plugins/check_http') },
  { package: 'chromium-headless-shell', isThere: () => inPath('chromium-headless-shell') },
  fping,
  { package: 'iputils-ping', isThere: () => inPath('ping') },
  openssl,
  { package: 'default-jre-headless', isThere: () => inPath('keytool') },
  { package: 'iproute2', isThere: () => inPath('ip') },
  { package: 'nftables', isThere: () => inPath('nft') },
  { package: 'openssh-server', isThere: () => inPath('sshd') },
  { package: 'snmpd', isThere: () => inPath('snmpd') },
  { package: 'chrony', isThere: () => inPath('chronyd') },
  { package: 'rabbitmq-server', isThere: () => existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server') },
  { package: 'slapd', isThere: () => inPath('slapd') },
  { package: 'mosquitto', isThere: () => inPath('mosquitto') },
  { package: 'libjolokia-core-java', isThere: () => existsSync('/usr/share/java/jolokia-core.jar') },
  { package: 'bsh', isThere: () => existsSync('/usr/share/java/bsh.jar') },
  { package: 'freeradius', isThere: () => inPath('freeradius') },
  { package: 'dnsmasq-base', isThere: () => inPath('dnsmasq') },
  { package: 'dovecot-imapd', isThere: () => existsSync('/usr/lib/dovecot/imap') },
]

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

async function everything() {
  installPrograms(programs, 'The tests')
  // What cannot be built is among the checks; the stories then run from the sources.
  buildProgram()
  buildPortal()
  const folder = mkdtempSync(join(tmpdir(), 'farwatch-test-'))
  try {
    // The tests run even where a check failed: one look shows all there is to mend.
    const counts = [await checks(), await vitest(folder)]
    const passed = counts.reduce((sum, count) => sum + count.passed, 0)
    const failed = counts.reduce((sum, count) => sum + count.failed, 0)
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
    return failed === 0 && passed > 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  installPackages()
  const args = process.argv.slice(2)
  if (args.some((arg) => arg.includes('portal'))) buildPortal()
  process.exitCode =
    args.length === 0 ? await everything() : (await underNode('node_modules/vitest/vitest.mjs', ['run', ...args])).code
} catch (thrown) {
  process.stderr.write(`${thrown.message}\n`)
  process.stdout.write('0 passed, 1 failed\n')
  process.exitCode = 1
}

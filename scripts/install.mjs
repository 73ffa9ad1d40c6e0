// Brings node_modules up to date. Runs under any Node from 18 on, before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Whether every package that the lock file names is there in that version; what is for other platforms does not count. */
function isInstalled() {
  // npm writes this one last, so an installation that was cut off is repeated.
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return false
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, about]) =>
      !path.includes('node_modules/') ||
      about.link === true ||
      about.optional === true ||
      there[path]?.version === about.version,
  )
}

/** Installs exactly what the lock file names where that is not installed yet. @throws Error where npm fails */
export function installPackages() {
  if (isInstalled()) return
  process.stderr.write('Installing packages (npm ci)…\n')
  // NODE_ENV=production would leave out what builds the portal.
  const npm = process.env.npm_execpath
  const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm]
  // No package needs a script of its own: those that have one compile an addon, for the headers of another Node, and work without it.
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const done = spawnSync(command, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32',
  })
  if (done.error !== undefined) throw new Error(`npm could not be started: ${done.error.message}`)
  if (done.status !== 0) throw new Error(`npm ci failed with exit code ${done.status}; its words are above`)
}

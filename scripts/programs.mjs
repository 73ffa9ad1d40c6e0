// The real programs that tests and benches start, and how they are had: installed where this user may, else named.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function inPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, name)))
}

export function folderHolds(folder, path) {
  return existsSync(folder) && readdirSync(folder).some((entry) => existsSync(join(folder, entry, path)))
}

/** Programs by the Debian package that brings them, as `installPrograms` takes them. */
export const nginx = { package: 'nginx-light', isThere: () => inPath('nginx') }
export const openssl = { package: 'openssl', isThere: () => inPath('openssl') }
export const fping = { package: 'fping', isThere: () => inPath('fping') }

/**
 * Installs missing programs where this user may, without starting any of their services; else names the one command to run.
 *
 * @param programs the Debian package that brings each, `package`, and how to see that it is there, `isThere()`
 * @param whose who starts them, for the words: `The tests`
 */
export function installPrograms(programs, whose) {
  const missing = programs.filter((program) => !program.isThere()).map((program) => program.package)
  if (missing.length === 0) return
  const command = `apt-get install --no-install-recommends -y ${missing.join(' ')}`
  const isDebian = existsSync('/etc/debian_version') && inPath('apt-get')
  if (!isDebian || process.getuid?.() !== 0) {
    throw new Error(`${whose} need programs that are missing here. Install them with:\n\n  sudo ${command}\n`)
  }
  process.stderr.write(`Installing programs: ${missing.join(' ')}\n`)
  withoutServices(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (...args) => spawnSync('apt-get', ['-q', ...args], { stdio: ['ignore', 2, 2], env }).status === 0
    if (!apt('update') || !apt('install', '--no-install-recommends', '-y', ...missing))
      throw new Error(`apt-get failed; its words are above. By hand:\n\n  sudo ${command}\n`)
  })
}

/** Debian asks this file before it starts a service of a fresh package; 101 says no. One that exists already is the administrator's. */
function withoutServices(act) {
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = !existsSync(policy)
  const remove = () => rmSync(policy, { force: true })
  const stop = () => {
    remove()
    process.exit(130)
  }
  if (isOurs) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
  }
  try {
    act()
  } finally {
    if (isOurs) {
      remove()
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stop)
    }
  }
}

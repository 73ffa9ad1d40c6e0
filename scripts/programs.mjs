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

/** Those that the tests start. */
export const testPrograms = [
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

/**
 * @param programs as `installPrograms` takes them
 * @returns the packages of those that are not there. @throws Error where this user may not install them: with the one command that does
 */
export function missingPrograms(programs, whose) {
  const missing = programs.filter((program) => !program.isThere()).map((program) => program.package)
  const isDebian = existsSync('/etc/debian_version') && inPath('apt-get')
  if (missing.length > 0 && (!isDebian || process.getuid?.() !== 0))
    throw new Error(
      `${whose} need programs that are missing here. Install them with:\n\n  sudo ${commandFor(missing)}\n`,
    )
  return missing
}

function commandFor(missing) {
  return `apt-get install --no-install-recommends -y ${missing.join(' ')}`
}

/**
 * Installs missing programs where this user may, without starting any of their services; else names the one command to run.
 *
 * @param programs the Debian package that brings each, `package`, and how to see that it is there, `isThere()`
 * @param whose who starts them, for the words: `The tests`
 */
export function installPrograms(programs, whose) {
  const missing = missingPrograms(programs, whose)
  if (missing.length === 0) return
  process.stderr.write(`Installing programs: ${missing.join(' ')}\n`)
  withoutServices(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (...args) => spawnSync('apt-get', ['-q', ...args], { stdio: ['ignore', 2, 2], env }).status === 0
    if (!apt('update') || !apt('install', '--no-install-recommends', '-y', ...missing))
      throw new Error(`apt-get failed; its words are above. By hand:\n\n  sudo ${commandFor(missing)}\n`)
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

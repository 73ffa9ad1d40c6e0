import { flushCompileCache } from 'node:module'
import type { Command } from 'commander'
import { declarationOf, settingNames, type SettingName } from '../../platform/index.ts'
import { exitCodes, line, type Terminal } from '../terminal.ts'

/** How long a stop may take before the process ends all the same: supervisors kill after ten seconds. */
const stopBoundMs = 9_500

/** `farwatch start`: every flag is a declared setting. Ends when the instance was told to. */
export function start(program: Command, terminal: Terminal, version: string): void {
  const command = program.command('start').description('Runs an instance until it is told to stop.')
  for (const name of settingNames) {
    const { flag, help, kind } = declarationOf(name)
    if (flag === undefined) continue
    if (kind === 'urls') command.option(flag, help, (url: string, urls: string[] | undefined) => [...(urls ?? []), url])
    else command.option(flag, help)
  }
  command.action(async (options: Readonly<Record<string, unknown>>) => {
    const flags: Partial<Record<SettingName, unknown>> = {}
    for (const name of settingNames) {
      const { flag } = declarationOf(name)
      const long = flag === undefined ? undefined : /^--([a-z-]+)/.exec(flag)?.[1]
      const key = long?.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
      if (key !== undefined && options[key] !== undefined) flags[name] = options[key]
    }
    const signals = new Signals()
    try {
      // With it comes the whole server, which no other command needs.
      const { startInstance } = await import('../../app/index.ts')
      const instance = await startInstance({ flags, environment: process.env, version, output: terminal.stderr })
      line(terminal.stdout, `farwatch ready ${instance.url} uuid=${instance.uuid} role=${instance.role}`)
      // Written at an orderly end otherwise; an instance that is killed should start as fast the next time.
      flushCompileCache()
      await signals.first
      // A second signal, or a stop that takes too long, ends the process at once: what was acknowledged is on disk in any case.
      const bound = setTimeout(() => process.exit(exitCodes.failed), stopBoundMs)
      signals.onNext(() => process.exit(exitCodes.failed))
      await instance.stop()
      clearTimeout(bound)
    } finally {
      signals.end()
    }
  })
}

/** The signals that ask a program to stop, from the moment it is made, so that one during the start is not lost. */
class Signals {
  readonly first: Promise<void>
  #next: () => void
  readonly #listener = () => this.#next()

  constructor() {
    let resolveFirst!: () => void
    this.first = new Promise((resolve) => (resolveFirst = resolve))
    this.#next = resolveFirst
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, this.#listener)
  }

  onNext(act: () => void): void {
    this.#next = act
  }

  end(): void {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.off(signal, this.#listener)
  }
}

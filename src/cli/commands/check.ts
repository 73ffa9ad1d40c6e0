import { readFile, writeFile } from 'node:fs/promises'
import { checkOnce, checkRecording, findMonitor, library, type CheckResult } from '../../app/index.ts'
import { FarwatchError, messageOf } from '../../base/index.ts'
import {
  credentialTypes,
  settingsSchema,
  type CredentialType,
  type Param,
  type Params,
  type Recording,
} from '../../sdk/index.ts'
import { line, printable, table, type Terminal } from '../terminal.ts'
import { settingsFromText, type Home } from './settings-from-text.ts'

/** What monitoring plugins end with (monitoring-plugins.org, development guidelines). */
const pluginCodes = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const

export interface CheckOptions {
  readonly set: readonly string[]
  readonly connector?: string
  readonly credential?: string
  readonly timeout?: string
  /** The file to put what was said into. */
  readonly record?: string
  /** The file to take it from, instead of a target. */
  readonly replay?: string
  readonly list?: boolean
  readonly json?: boolean
}

/** Runs a monitor once, or lists the library. @returns the exit code */
export async function check(
  terminal: Terminal,
  id: string | undefined,
  options: CheckOptions,
  version: string,
): Promise<number> {
  if (options.list === true) {
    line(terminal.stdout, options.json === true ? JSON.stringify(catalogue()) : listing())
    return pluginCodes.ok
  }
  if (options.replay !== undefined) return replayed(terminal, id, options.replay, options)
  if (id === undefined)
    throw new FarwatchError('wrong-use', 'which monitor?', { hint: '`farwatch check --list` names them.' })
  const { monitor, connector } = findMonitor(id, options.connector)
  const homes: Home[] = [
    { name: 'monitor', params: monitor.settings },
    { name: 'connector', params: connector.settings },
  ]
  const type = credentialType(options, connector.credentials)
  if (type !== undefined) homes.push({ name: 'credential', params: credentialTypes[type].fields })
  const given = settingsFromText(options.set, homes)
  const fields = given.get('credential') ?? {}
  let recording: Recording | undefined
  const result = await checkOnce({
    monitor: id,
    connector: connector.id,
    settings: given.get('monitor')!,
    connectorSettings: given.get('connector')!,
    ...(type === undefined || (Object.keys(fields).length === 0 && options.credential === undefined)
      ? {}
      : { credential: { type, fields } }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.record === undefined ? {} : { record: (made) => (recording = made), version }),
  })
  if (options.record !== undefined && recording !== undefined) await keep(terminal, options.record, recording)
  line(terminal.stdout, options.json === true ? JSON.stringify(result) : describe(result))
  return exitCodeOf(result)
}

async function keep(terminal: Terminal, file: string, recording: Recording): Promise<void> {
  try {
    // It holds what a customer's system said: for its owner alone.
    await writeFile(file, `${JSON.stringify(recording, null, 1)}\n`, { mode: 0o600 })
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${file} cannot be written: ${messageOf(thrown)}`)
  }
  line(
    terminal.stderr,
    `Recorded in ${file}. Secrets of the credential are masked; names, addresses and what the target said are in it: look through it before you send it.${recording.isCut === true ? ' It grew too large, and the last answers are left out.' : ''}`,
  )
}

async function replayed(
  terminal: Terminal,
  id: string | undefined,
  file: string,
  { set, json, record }: CheckOptions,
): Promise<number> {
  if (set.length > 0 || record !== undefined)
    throw new FarwatchError('wrong-use', '--replay takes settings and answers from the recording', {
      hint: 'Leave out --set and --record.',
    })
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${file} cannot be read: ${messageOf(thrown)}`)
  }
  const result = await checkRecording(text)
  if (id !== undefined && id !== result.monitor)
    throw new FarwatchError('wrong-use', `${file} is a recording of ${result.monitor}, not of ${id}`)
  line(terminal.stdout, json === true ? JSON.stringify(result) : describe(result))
  return exitCodeOf(result)
}

/** The type that was named, else the first that has all the fields that were set. */
function credentialType(
  { set, credential }: CheckOptions,
  possible: readonly CredentialType[],
): CredentialType | undefined {
  if (credential !== undefined) {
    const found = possible.find((type) => type === credential)
    if (found === undefined)
      throw new FarwatchError('wrong-use', `--credential ${credential}: is not possible here`, {
        hint: possible.length === 0 ? 'This connector takes none.' : `Possible: ${possible.join(', ')}.`,
      })
    return found
  }
  const keys = set.map((word) => word.split('=')[0]!.replace(/^credential\./, ''))
  return (
    possible.find((type) => keys.some((key) => key !== 'secret' && Object.hasOwn(credentialTypes[type].fields, key))) ??
    possible.find((type) => keys.includes('secret') && Object.hasOwn(credentialTypes[type].fields, 'secret'))
  )
}

function exitCodeOf({ outcome, reason, severity }: CheckResult): number {
  // What cannot be checked as it is configured is no state of the target.
  if (outcome === 'failed' && (reason === 'configuration' || reason === 'defect')) return pluginCodes.unknown
  if (severity === 'CRITICAL' || severity === 'MAJOR') return pluginCodes.critical
  if (severity === 'MINOR' || severity === 'WARNING') return pluginCodes.warning
  return outcome === 'failed' ? pluginCodes.critical : pluginCodes.ok
}

const words = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const

function describe(result: CheckResult): string {
  const head = `${words[exitCodeOf(result)]} - ${result.monitor}: ${printable(result.message ?? result.outcome)}`
  const metrics = result.metrics.map(({ name, labels, value, unit, severity }) => {
    const item = Object.entries(labels)
      .map(([key, label]) => `${key}=${label}`)
      .join(' ')
    return [
      `  ${printable(name)}`,
      printable(item),
      `${Math.round(value * 1e6) / 1e6}${unit === '' ? '' : ` ${unit}`}`,
      severity === 'CLEAR' ? '' : severity,
    ]
  })
  const facts = Object.entries(result.facts).map(([name, value]) => [
    `  ${printable(name)}`,
    '',
    printable(String(value)),
    '',
  ])
  return metrics.length + facts.length === 0 ? head : `${head}\n${table([...metrics, ...facts])}`
}

function sortedMonitors() {
  return [...library.monitors.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function catalogue() {
  return sortedMonitors().map(({ id, title, summary, connectors, settings, period, timeout }) => ({
    id,
    title,
    summary,
    period,
    timeout,
    settings: settingsSchema(settings),
    connectors: connectors.map((type) => ({
      type,
      settings: settingsSchema(library.connectors.get(type)?.settings ?? {}),
      credentials: library.connectors.get(type)?.credentials ?? [],
    })),
  }))
}

function listing(): string {
  return sortedMonitors()
    .map((monitor) => {
      const rows = [
        ...settingRows(monitor.settings, ''),
        ...monitor.connectors.flatMap((type) =>
          settingRows(library.connectors.get(type)?.settings ?? {}, ` (${type})`),
        ),
      ]
      return `${monitor.id} — ${monitor.summary}\n${rows.length === 0 ? '' : `${table(rows)}\n`}`
    })
    .join('\n')
    .trimEnd()
}

function settingRows(params: Params, where: string): string[][] {
  return Object.entries(params).map(([key, param]) => [`  ${key}`, defaultOf(param), `${param.label}${where}`])
}

function defaultOf(param: Param): string {
  if ('default' in param && param.default !== undefined)
    return typeof param.default === 'object' ? JSON.stringify(param.default) : String(param.default)
  return param.optional === true ? '-' : '(needed)'
}

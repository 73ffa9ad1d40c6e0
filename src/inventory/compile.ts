import { at, parseDuration, type Checked } from '../base/index.ts'
import { checkRules, ownRows, type RuleDocument } from '../model/index.ts'
import { checkDeclared, type AnyMonitor, type Library } from '../sdk/index.ts'
import type { Connector, MonitorForUse, ProfileMonitor } from './configuration.ts'
import { readChoice, readDuration, readSettings, suggestFrom, Problems } from './reading.ts'

/** From a second, below which slots are no grid any more, to a week, beyond which "not seen since" says nothing. */
const periodBounds = { minMs: 1_000, maxMs: 7 * 86_400_000 }
const timeoutBounds = { minMs: 10, maxMs: 3_600_000 }

function fits(monitor: AnyMonitor, connectorType: string | undefined): boolean {
  return monitor.connectors.some((type) => type === connectorType)
}

/** Makes a monitor of a profile ready for use, or says everything that is wrong with what was written. Pure. */
export function compileMonitor(
  written: { readonly [K in keyof ProfileMonitor['written']]: unknown },
  connectorType: string | undefined,
  library: Library,
  path: string,
): Checked<MonitorForUse> {
  const problems = new Problems()
  const refused = () => ({ ok: false, problems: problems.list }) as const
  const id = written.monitor
  const monitor = typeof id === 'string' ? library.monitors.get(id) : undefined
  if (monitor === undefined) {
    const candidates = [...library.monitors.values()].filter((one) => fits(one, connectorType))
    readKnown(
      id,
      at(path, 'monitor'),
      'monitor',
      candidates.length > 0 ? candidates.map((one) => one.id) : library.monitors.keys(),
      problems,
    )
    return refused()
  }
  if (connectorType !== undefined && !fits(monitor, connectorType)) {
    problems.add(
      at(path, 'monitor'),
      `${monitor.id} needs a connector of type ${monitor.connectors.join(' or ')}; this profile is for ${connectorType}`,
    )
  }
  const periodMs =
    written.period === undefined
      ? parseDuration(monitor.period)
      : readDuration(written.period, at(path, 'period'), periodBounds, problems)
  let timeoutMs = parseDuration(monitor.timeout)
  if (written.timeout !== undefined) {
    timeoutMs = readDuration(written.timeout, at(path, 'timeout'), timeoutBounds, problems)
    if (timeoutMs !== undefined && periodMs !== undefined && timeoutMs > periodMs) {
      problems.add(
        at(path, 'timeout'),
        `${String(written.timeout)} is longer than the period (${String(written.period ?? monitor.period)})`,
        'A run must be over when the next one is due.',
      )
    }
  }
  const given = readSettings(written.settings, at(path, 'settings'), problems)
  const settings = given === undefined ? undefined : checkDeclared(monitor, given, at(path, 'settings'))
  if (settings?.ok === false) problems.addAll(settings.problems)
  const rules = checkRules(written.rules === undefined ? monitor.rules : written.rules, {
    metrics: monitor.metrics,
    open: monitor.openMetrics !== undefined,
    path: at(path, 'rules'),
  })
  if (!rules.ok) problems.addAll(rules.problems)
  if (problems.list.length > 0 || periodMs === undefined || timeoutMs === undefined || !settings?.ok || !rules.ok)
    return refused()
  return {
    ok: true,
    // A default made for longer periods must not let a run reach into the next one.
    value: {
      periodMs,
      timeoutMs: Math.min(timeoutMs, periodMs),
      settings: settings.value,
      rules: rules.value,
      runsCommands: monitor.runsCommands === true,
    },
  }
}

/** Checks a connector's own part, without what it refers to. Pure. */
export function compileConnector(
  written: { readonly type: unknown; readonly settings: unknown },
  library: Library,
  path: string,
): Checked<NonNullable<Connector['made']>> {
  const problems = new Problems()
  const type = typeof written.type === 'string' ? library.connectors.get(written.type) : undefined
  if (type === undefined) {
    readKnown(written.type, at(path, 'type'), 'connector type', library.connectors.keys(), problems)
    return { ok: false, problems: problems.list }
  }
  const given = readSettings(written.settings, at(path, 'settings'), problems)
  return given === undefined ? { ok: false, problems: problems.list } : checkDeclared(type, given, at(path, 'settings'))
}

/** The id of something in the library; reports where there is no such thing. */
export function readKnown(
  given: unknown,
  path: string,
  what: string,
  known: Iterable<string>,
  problems: Problems,
): string | undefined {
  const all = [...known]
  if (given === undefined)
    return problems.add(path, `is missing: the ${what}`, `Known: ${all.slice(0, 12).join(', ')}.`)
  if (typeof given === 'string') {
    if (all.includes(given)) return given
    const named = given.length > 60 ? `${given.slice(0, 57)}…` : given
    return problems.add(path, `there is no ${what} ${JSON.stringify(named)}`, suggestFrom(given, all))
  }
  return readChoice(given, path, all, problems)
}

/** Rows as people wrote them, in our own words; `compileMonitor` has checked that they are rows. */
export function asRules(rules: unknown): readonly RuleDocument[] {
  return ownRows(rules as readonly RuleDocument[])
}

import { explain } from '../alarms/index.ts'
import { FarwatchError, formatDuration, messageOf, parseDuration, suggest, type Problem } from '../base/index.ts'
import {
  checkRules,
  worstSeverity,
  type Facts,
  type FailureReason,
  type Sample,
  type SeverityOrClear,
} from '../model/index.ts'
import {
  NotRecorded,
  TargetError,
  checkDeclared,
  credentialTypes,
  readRecording,
  replay,
  type AnyConnector,
  type AnyMonitor,
  type Closable,
  type CredentialType,
  type Gathered,
  type OpenCredential,
  type Recording,
} from '../sdk/index.ts'
import { library } from './library.ts'
import { Tape } from './tape.ts'

/** What somebody asked to be run once, by hand. */
export interface CheckRequest {
  readonly monitor: string
  /** The connector's type; needed only where the monitor runs on several. */
  readonly connector?: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly connectorSettings: Readonly<Record<string, unknown>>
  readonly credential?: { readonly type: CredentialType; readonly fields: Readonly<Record<string, unknown>> }
  /** A duration; the monitor's own unless given. */
  readonly timeout?: string
  /** Gets what the monitor and its target said to each other. */
  readonly record?: (recording: Recording) => void
  /** Of the program; for the recording. */
  readonly version?: string
}

export interface CheckResult {
  readonly monitor: string
  readonly outcome: 'ran' | 'failed'
  readonly reason?: FailureReason
  readonly message?: string
  readonly durationMs: number
  readonly metrics: readonly (Sample & {
    readonly unit: NonNullable<Sample['unit']>
    readonly severity: SeverityOrClear
  })[]
  readonly facts: Facts
  /** The worst that the monitor's default rules say of it, as if it had held for as long as they ask. */
  readonly severity: SeverityOrClear
}

/**
 * Finds a monitor and the connector it runs on.
 * @param type the connector's type; needed only where the monitor runs on several
 * @throws FarwatchError `wrong-use` with the nearest right name
 */
export function findMonitor(
  id: string,
  type: string | undefined,
): { readonly monitor: AnyMonitor; readonly connector: AnyConnector } {
  const monitor = library.monitors.get(id)
  if (monitor === undefined) {
    throw new FarwatchError('wrong-use', `there is no monitor ${JSON.stringify(id)}`, {
      hint: suggest(id, library.monitors.keys()),
    })
  }
  const possible = monitor.connectors
  const chosen = type ?? (possible.length === 1 ? possible[0] : undefined)
  const connector = possible.some((one) => one === chosen) ? library.connectors.get(chosen ?? '') : undefined
  if (connector === undefined) {
    throw new FarwatchError(
      'wrong-use',
      chosen === undefined
        ? `${id} runs on connectors of several types`
        : `${id} does not run on a connector of type ${JSON.stringify(chosen)}`,
      { hint: `--connector ${possible.join(' or ')}` },
    )
  }
  return { monitor, connector }
}

/**
 * Runs a monitor once in this process and judges it by the monitor's default rules.
 * @throws FarwatchError `invalid-value` with every wrong setting
 */
export async function checkOnce(request: CheckRequest): Promise<CheckResult> {
  const { monitor, connector } = findMonitor(request.monitor, request.connector)
  const settings = checkDeclared(monitor, request.settings, 'settings')
  const connectorSettings = checkDeclared(connector, request.connectorSettings, 'connector')
  const credential =
    request.credential === undefined
      ? undefined
      : checkDeclared(
          { settings: credentialTypes[request.credential.type].fields },
          request.credential.fields,
          'credential',
        )
  const timeoutMs = parseDuration(request.timeout ?? monitor.timeout)
  const problems: Problem[] = [settings, connectorSettings, ...(credential === undefined ? [] : [credential])].flatMap(
    (checked) => (checked.ok ? [] : checked.problems),
  )
  if (timeoutMs === undefined || timeoutMs <= 0)
    problems.push({
      path: 'timeout',
      message: `${JSON.stringify(request.timeout)} is not a duration`,
      hint: 'For example: 10s',
    })
  if (connector.credentialRequired === true && credential === undefined)
    problems.push({ path: 'credential', message: `is needed: ${connector.credentials.join(' or ')}` })
  if (
    !settings.ok ||
    !connectorSettings.ok ||
    (credential !== undefined && !credential.ok) ||
    timeoutMs === undefined ||
    problems.length > 0
  ) {
    throw new FarwatchError('invalid-value', 'the settings cannot be used', { problems })
  }

  // The fields were checked against the declaration of this very type.
  const open =
    credential === undefined || request.credential === undefined
      ? undefined
      : ({ type: request.credential.type, fields: credential.value } as OpenCredential)
  const real = connector.open(connectorSettings.value, open)
  const tape = request.record === undefined ? undefined : new Tape(open)
  const signal = AbortSignal.timeout(timeoutMs)
  const began = performance.now()
  const about = { monitor: monitor.id, facts: {} }
  const run = (previous: unknown, remember: (value: unknown) => void) =>
    collected(monitor, settings.value, { real, signal, previous, remember, tape })
  try {
    let first: unknown
    const gathered = await run(undefined, (value) => (first = value))
    // A monitor of rates has none the first time: it is asked once more, a second later.
    let whole = gathered
    if (first !== undefined && gathered.failure === undefined) {
      await new Promise((resolve) => setTimeout(resolve, rateGapMs))
      whole = await run(first, () => undefined)
    }
    return judged(monitor, { ...about, ...runOf(whole), durationMs: performance.now() - began })
  } catch (thrown) {
    const timedOut = signal.aborted && !(thrown instanceof TargetError)
    return judged(monitor, {
      ...about,
      durationMs: performance.now() - began,
      samples: [],
      reason: thrown instanceof TargetError ? thrown.reason : timedOut ? 'timed out' : 'defect',
      message: timedOut ? `timed out after ${formatDuration(timeoutMs)}` : messageOf(thrown),
    })
  } finally {
    await real.close?.()
    if (tape !== undefined)
      request.record?.(
        tape.recording({
          monitor: monitor.id,
          connector: connector.id,
          version: request.version ?? '',
          settings: request.settings,
          connectorSettings: request.connectorSettings,
        }),
      )
  }
}

const rateGapMs = 1_000

/** One run, taken down where there is a tape. */
async function collected(
  monitor: AnyMonitor,
  settings: Readonly<Record<string, unknown>>,
  about: {
    readonly real: Client
    readonly signal: AbortSignal
    readonly previous: unknown
    readonly remember: (value: unknown) => void
    readonly tape: Tape | undefined
  },
): Promise<Gathered<string>> {
  const { real, signal, previous, remember, tape } = about
  const plannedAt = Date.now()
  const recorder = tape?.begin()
  try {
    const gathered = await monitor.collect(settings, {
      client: recorder === undefined ? real : recorder.wrap(real),
      signal,
      plannedAt,
      now: recorder?.now ?? (() => Date.now()),
      previous,
      remember,
    })
    if (recorder !== undefined) tape?.end(recorder, { plannedAt, gathered })
    return gathered
  } catch (thrown) {
    if (recorder !== undefined) tape?.end(recorder, { plannedAt, failed: messageOf(thrown) })
    throw thrown
  }
}

type Client = Parameters<AnyMonitor['collect']>[1]['client'] & Closable

function runOf({
  metrics,
  more = [],
  facts = {},
  message,
  failure,
}: Gathered<string>): Omit<Run, 'monitor' | 'durationMs'> {
  const samples = [
    ...Object.entries(metrics).flatMap(([name, value]): Sample[] =>
      value === undefined
        ? []
        : typeof value === 'number'
          ? [{ name, labels: {}, value }]
          : value.map((item) => ({ name, ...item })),
    ),
    ...more,
  ]
  return { facts, samples, ...(message === undefined ? {} : { message }), ...failure }
}

/**
 * Runs a monitor on what was recorded, with no target, and judges it as `checkOnce` does.
 * @throws FarwatchError `invalid-value` where it is no recording, or the monitor asks something else than it did then
 */
export async function checkRecording(text: string): Promise<CheckResult> {
  const began = performance.now()
  const since = () => performance.now() - began
  try {
    const recording = readRecording(text)
    const { monitor } = findMonitor(recording.monitor, recording.connector)
    const about = { monitor: monitor.id, facts: {}, samples: [] }
    try {
      const { gathered } = await replay(monitor, recording, AbortSignal.timeout(replayMs))
      return judged(monitor, { ...about, ...runOf(gathered), durationMs: since() })
    } catch (thrown) {
      if (!(thrown instanceof TargetError)) throw thrown
      return judged(monitor, { ...about, durationMs: since(), reason: thrown.reason, message: thrown.message })
    }
  } catch (thrown) {
    if (!(thrown instanceof NotRecorded)) throw thrown
    throw new FarwatchError('invalid-value', thrown.message, { cause: thrown })
  }
}

const replayMs = 60_000

interface Run {
  readonly monitor: string
  readonly facts: Facts
  readonly durationMs: number
  readonly samples: readonly Sample[]
  readonly reason?: FailureReason
  readonly message?: string
}

function judged(monitor: AnyMonitor, { samples, reason, message, ...run }: Run): CheckResult {
  const rules = checkRules(monitor.rules, {
    metrics: monitor.metrics,
    open: monitor.openMetrics !== undefined,
    path: 'rules',
  })
  const outcome = reason === undefined ? 'ran' : 'failed'
  const explained = rules.ok
    ? explain(
        { rules: rules.value, metrics: monitor.metrics, periodMs: parseDuration(monitor.period) ?? 60_000 },
        { outcome, samples, ...(reason === undefined ? {} : { reason }) },
      )
    : []
  // The first is the run itself, the others are its samples in order.
  const severities = explained.map(({ rows }) =>
    worstSeverity(rows.filter(({ alarm }) => alarm).map(({ severity }) => severity ?? 'CLEAR')),
  )
  return {
    ...run,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    metrics: samples.map((sample, i) => ({
      ...sample,
      unit: sample.unit ?? monitor.metrics[sample.name]?.unit ?? '',
      severity: severities[i + 1] ?? 'CLEAR',
    })),
    severity: worstSeverity(severities),
  }
}

import { expect } from 'vitest'
import type { Sample } from '../model/index.ts'
import type { CertificateFacts, ConnectorClients, ConnectorType } from './clients/index.ts'
import { checkDeclared } from './declared.ts'
import type { AnyMonitor, CollectContext, Gathered } from './monitor.ts'
import { readRecording, replay } from './replay.ts'

/** Runs a monitor once with settings as a user writes them. Throws where the settings are wrong, and what `collect` throws. */
export async function collectOnce<C extends ConnectorType = ConnectorType>(
  monitor: AnyMonitor,
  settings: Readonly<Record<string, unknown>>,
  world: { readonly client: ConnectorClients[C] } & Partial<Omit<CollectContext<C>, 'client'>>,
): Promise<Gathered<string>> {
  const checked = checkDeclared(monitor, settings, 'settings')
  if (!checked.ok) throw new Error(checked.problems.map((one) => `${one.path} ${one.message}`).join('; '))
  return monitor.collect(checked.value, {
    signal: AbortSignal.timeout(30_000),
    plannedAt: 0,
    now: () => 0,
    previous: undefined,
    remember: () => undefined,
    ...world,
  })
}

/**
 * Runs a monitor on a recording that `farwatch check … --record` made: a user's report becomes a test by putting its file beside the test.
 * Throws what `collect` throws, and NotRecorded where the monitor asks something that was not asked then.
 */
export async function collectRecorded(monitor: AnyMonitor, recording: string): Promise<Gathered<string>> {
  return (await replay(monitor, readRecording(recording), AbortSignal.timeout(30_000))).gathered
}

/** A certificate that ends so many days after the beginning of time, which is when `collectOnce` runs a monitor. */
export function certificateLasting(days: number): CertificateFacts {
  return {
    subject: 'CN=shop',
    issuer: 'CN=authority',
    validFrom: 0,
    validTo: days * 86_400_000,
    names: ['shop.example'],
    fingerprint: '00',
  }
}

/** Every value of a run, as the runner makes samples of it. */
export function samplesOf(monitor: AnyMonitor, gathered: Gathered<string>): Sample[] {
  const samples: Sample[] = [...(gathered.more ?? [])]
  for (const [name, value] of Object.entries(gathered.metrics)) {
    if (value === undefined) continue
    if (typeof value === 'number') samples.push({ name, labels: {}, value })
    else samples.push(...value.map((item) => ({ name, ...item })))
  }
  return samples.map((sample) => ({ ...sample, unit: sample.unit ?? monitor.metrics[sample.name]?.unit ?? '' }))
}

/** Fails the test where anything a run said is not a finite number or a text that people may see. */
export function expectSound(monitor: AnyMonitor, gathered: Gathered<string>, secrets: readonly string[] = []): void {
  const samples = samplesOf(monitor, gathered)
  const declared = (name: string) => monitor.metrics[name]
  expect({
    numbers: samples.filter((sample) => !Number.isFinite(sample.value)),
    undeclared: Object.keys(gathered.metrics).filter((name) => declared(name) === undefined),
    labels: samples.filter((sample) => {
      const items = declared(sample.name)?.items
      return declared(sample.name) !== undefined && !sameNames(Object.keys(sample.labels), items ?? [])
    }),
    secrets: secrets.filter((secret) => JSON.stringify(gathered).includes(secret)),
  }).toEqual({ numbers: [], undeclared: [], labels: [], secrets: [] })
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join() === [...b].sort().join()
}

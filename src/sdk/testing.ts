import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  breaches,
  conditionsOf,
  failedMetric,
  judgedUnit,
  matches,
  severityOf,
  units,
  type Threshold,
  type Unit,
} from '../model/index.ts'
import type { ConnectorClients, ConnectorType } from './clients/index.ts'
import { checkDeclared } from './declared.ts'
import { TargetError } from './failure.ts'
import type { AnyMonitor } from './monitor.ts'
import type { Param, Params } from './params.ts'
import { judgedBy, rulesOf } from './rules-testing.ts'
import { collectOnce } from './run-testing.ts'

export { certificateLasting, collectOnce, collectRecorded, expectSound, samplesOf } from './run-testing.ts'
export { forgetJudgements, judgedBy, notShown } from './rules-testing.ts'
export { expectClearOutcomes, mutated } from './mutation-testing.ts'
export { alertTree, sapSaying } from './sap-testing.ts'
export type { SapSaid } from './sap-testing.ts'
export { hanaDatabase, sqlDatabase, withstandsDamagedRows } from './sql-testing.ts'
export type { SqlAnswers } from './sql-testing.ts'
export { alarmStep, brokenDeclaration, brokenHttpPromises, httpStatuses } from './plugin-testing.ts'

/** The least that a user must write: examples for what has no default. */
export function leastSettings(params: Params): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [key, param] of Object.entries(params)) {
    const hasDefault = 'default' in param && param.default !== undefined
    if (!hasDefault && param.optional !== true) given[key] = exampleOf(param)
  }
  return given
}

function exampleOf(param: Param): unknown {
  switch (param.kind) {
    case 'text':
    case 'url':
      return param.example ?? 'example'
    case 'number':
      return param.min ?? 1
    case 'flag':
      return param.default
    case 'choice':
      return param.of[0]
    case 'duration':
      return param.min ?? '1m'
    case 'size':
      return param.min ?? '1KiB'
    case 'secret':
      return 'secret'
    case 'list':
      return []
    case 'map':
      return {}
  }
}

/** A client whose every slow call waits until its signal aborts, as a target does that accepts and then says nothing. */
export function silentClient(): ConnectorClients[ConnectorType] {
  const wait = (...args: unknown[]) =>
    new Promise((_, reject) => {
      const signal = args.find((one): one is AbortSignal => one instanceof AbortSignal)
      signal?.addEventListener('abort', () => reject(new TargetError('timed out', 'silent:1 sent no answer in time')), {
        once: true,
      })
    })
  const machine = {
    hostname: 'silent',
    system: 'linux',
    release: '',
    architecture: '',
    cpus: 1,
    cpuTimes: { user: 0, nice: 0, system: 0, idle: 0, interrupt: 0 },
    memory: 1,
    memoryFree: 1,
    load: [0, 0, 0],
    uptime: 0,
  }
  const texts: Record<string, string> = { url: 'http://silent', host: 'silent', server: 'silent', target: 'silent:1' }
  // It stands for a client of every type at once; only the conformance suite uses it.
  return new Proxy(
    {},
    {
      get: (_, name) =>
        name === 'then' ? undefined : name === 'machine' ? () => machine : (texts[String(name)] ?? wait),
    },
  ) as ConnectorClients[ConnectorType]
}

/** What every monitor of a library promises, whatever it measures. */
export function monitorConformance(monitors: readonly AnyMonitor[], folder: URL): void {
  test('every monitor is in the list once, in a file that bears its id', () => {
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'index.ts')
      .map((name) => name.replace(/\.ts$/, ''))
    expect(monitors.map((monitor) => monitor.id).sort()).toEqual(files.sort())
  })

  test('every monitor has a test of its own', () => {
    const tested = new Set(readdirSync(folder).filter((name) => name.endsWith('.test.ts')))
    expect(monitors.map((monitor) => monitor.id).filter((id) => !tested.has(`${id}.test.ts`))).toEqual([])
  })

  for (const monitor of monitors) {
    describe(monitor.id, () => {
      test('says what it is and what its settings and metrics mean', () => {
        const missing: string[] = []
        if (!/^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)*$/.test(monitor.id)) missing.push('id')
        if (monitor.title.trim() === '') missing.push('title')
        if (!monitor.summary.endsWith('.')) missing.push('summary')
        if ((monitor.thresholdsFrom ?? '').trim() === '') missing.push('where its thresholds come from')
        if ((monitor.tryIt ?? '').trim() === '') missing.push('how to see it work')
        for (const [key, param] of Object.entries(monitor.settings)) if (param.label.trim() === '') missing.push(key)
        for (const [name, metric] of Object.entries(monitor.metrics)) {
          if (!/^[a-z][a-z0-9_]*$/.test(name) || name === failedMetric) missing.push(`metric ${name}`)
          if (metric.title.trim() === '' || !units.includes(metric.unit)) missing.push(`metric ${name}`)
        }
        expect(missing).toEqual([])
      })

      test('offers candidates for just the settings that say so', () => {
        const settings = Object.entries(monitor.settings).filter(([, param]) => 'candidates' in param)
        expect(settings.length > 0).toBe(monitor.candidates !== undefined)
      })

      test('takes its own defaults', () => {
        expect(checkDeclared(monitor, leastSettings(monitor.settings), 'settings')).toMatchObject({ ok: true })
      })

      test('raises and clears by its default rules', () => {
        const silent: string[] = []
        const rules = rulesOf(monitor)
        for (const rule of rules) {
          const judged = Object.entries(monitor.metrics).filter(([name]) => matches(rule.metric, name))
          const kinds: Unit[] = judged.length > 0 ? judged.map(([, metric]) => judgedUnit(metric)) : ['']
          for (const unit of kinds) {
            for (const { severity, threshold } of conditionsOf(rule, unit) ?? []) {
              const { bad, good } = aroundThreshold(threshold)
              const conditions = conditionsOf(rule, unit) ?? []
              const raises = severityOf(conditions, bad, 'CLEAR') !== 'CLEAR' && breaches(threshold, bad)
              const clears = !breaches(threshold, good)
              if (!raises || !clears) silent.push(`${rule.name} ${severity}`)
            }
          }
        }
        expect({ rules: rules.length > 0, silent }).toEqual({ rules: true, silent: [] })
      })

      test('raises where the target cannot be measured', () => {
        expect(Object.values(judgedBy(monitor, failedMetric)).length).toBeGreaterThan(0)
      })

      test('ends soon after it is told to', async () => {
        const settings = leastSettings(monitor.settings)
        const client = silentClient()
        const stopped = new AbortController()
        const run = collectOnce(monitor, settings, { client, signal: stopped.signal }).then(
          () => 'ended',
          () => 'ended',
        )
        await new Promise((resolve) => setImmediate(resolve))
        stopped.abort(new Error('stop'))
        const patience = new Promise((resolve) => setTimeout(() => resolve('goes on'), 500))
        expect(await Promise.race([run, patience])).toBe('ended')
      })
    })
  }
}

function aroundThreshold(threshold: Threshold): { bad: number; good: number } {
  switch (threshold.is) {
    case '>':
    case '>=':
      return { bad: threshold.than + 1, good: threshold.than - 1 }
    case '<':
    case '<=':
      return { bad: threshold.than - 1, good: threshold.than + 1 }
    case '==':
      return { bad: threshold.than, good: threshold.than + 0.5 }
    case '!=':
      return { bad: threshold.than + 1, good: threshold.than }
    case 'outside':
      return { bad: threshold.high + 1, good: threshold.high }
    case 'inside':
      return { bad: threshold.high, good: threshold.high + 1 }
  }
}

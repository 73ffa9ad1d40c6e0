import { checkRules, type Labels, type Rule, type RuleDocument, type RunResult } from '../model/index.ts'
import type { MetricFacts, TaskFacts } from './judge.ts'

/** The metrics that stories speak of. */
export const storyMetrics: Readonly<Record<string, MetricFacts>> = {
  used: { unit: '%', title: 'Used', items: ['mount'] },
  duration: { unit: 'ms', title: 'Duration' },
  requests: { unit: '', kind: 'counter', title: 'Requests' },
}

export function rulesOf(...documents: readonly RuleDocument[]): readonly Rule[] {
  const checked = checkRules(documents, { metrics: storyMetrics, open: false, path: 'rules' })
  if (!checked.ok) throw new Error(checked.problems.map(({ path, message }) => `${path} ${message}`).join('; '))
  return checked.value
}

export function taskOf(id: string, rules: readonly Rule[], periodMs = 10_000): TaskFacts {
  return {
    id,
    group: 'acme',
    system: 'shop',
    connector: 'front',
    profile: 'web',
    monitor: 'http.response',
    periodMs,
    rules,
    metrics: storyMetrics,
  }
}

/** A run of a task; values by metric, or by metric and mount: `{ duration: 12, 'used /var': 80 }`. */
export function runOf(task: string, slot: number, values: Readonly<Record<string, number>>): RunResult {
  const samples = Object.entries(values).map(([key, value]) => {
    const [name, mount] = key.split(' ')
    const labels: Labels = mount === undefined ? {} : { mount }
    return { name: name!, labels, value }
  })
  return { kind: 'run', task, slot, outcome: 'ran', startedAt: slot, durationMs: 1, samples }
}

export function failedRun(task: string, slot: number): RunResult {
  return {
    ...runOf(task, slot, {}),
    outcome: 'failed',
    reason: 'refused',
    message: 'connection refused by 127.0.0.1:8080',
  }
}

import { formatDuration } from '../base/index.ts'
import {
  conditionsOf,
  describeThreshold,
  failedMetric,
  formatAmount,
  type RunResult,
  type Severity,
} from '../model/index.ts'
import type { Judged, TaskFacts } from './judge.ts'
import type { Cause } from './step.ts'

/** What an alarm says of one row's breach, as somebody reads it at night: which system, what, how much, against what. */
export function breachMessage(about: {
  readonly task: TaskFacts
  readonly judged: Judged
  readonly severity: Severity
  readonly cause: Cause
  readonly flapping: boolean
  /** The run that showed it; undefined where silence did. */
  readonly run: RunResult | undefined
}): string {
  const { task, judged, run } = about
  const title = Object.hasOwn(task.metrics, judged.metric)
    ? (task.metrics[judged.metric]!.title ?? judged.metric)
    : judged.metric
  const what = judged.item === '' ? title : `${title} (${judged.item})`
  const value = judged.value === null ? '' : formatAmount(judged.value, judged.unit)
  const threshold = conditionsOf(judged.rule, judged.unit)?.find((one) => one.severity === about.severity)?.threshold
  const limit = threshold === undefined ? '' : describeThreshold(threshold, judged.unit)
  let usual: string
  if (about.cause === 'no data') {
    const afterMs = judged.rule.noData?.afterMs ?? 0
    usual = `${task.system}: ${what} has had no value for ${formatDuration(afterMs)} (${task.monitor} on ${task.connector})`
  } else if (judged.metric === failedMetric && judged.value === 1) {
    usual = `${task.system}: ${task.monitor} on ${task.connector} failed: ${whyFailed(run)}`
  } else {
    usual = `${task.system}: ${what} is ${value}, ${limit}`
  }
  const words: Readonly<Record<string, string>> = {
    MSG: about.cause === 'breach' && run?.message !== undefined ? run.message : usual,
    VALUE: value,
    ITEM: judged.item,
    SYSTEM: task.system,
    THRESHOLD: limit,
  }
  // One pass over the template: a value that holds %MSG% itself stays as it is.
  const text = judged.rule.message?.replaceAll(/%([A-Z]+)%/g, (all, word: string) => words[word] ?? all) ?? usual
  return about.flapping ? `${text} — flapping, held open until it calms` : text
}

/** The run's message; its reason too, where the message does not say it in the same words. */
function whyFailed(run: RunResult | undefined): string {
  const message = run?.message ?? 'no message'
  return run?.reason === undefined || message.includes(run.reason) ? message : `${message} (${run.reason})`
}

/** What the dead-man alarm of a task says. `gap` is the last record of a slot without a run, where there is one. */
export function silenceMessage(task: TaskFacts, forMs: number, gap: string | undefined): string {
  const why = gap === undefined ? 'nothing says why' : gap
  return `${task.system}: no results of ${task.monitor} on ${task.connector} for ${formatDuration(Math.round(forMs / 1_000) * 1_000)}: ${why}`
}

import {
  checkRules,
  conditionsOf,
  failedMetric,
  judgedUnit,
  matches,
  severityOf,
  worstSeverity,
  type Rule,
  type Sample,
  type SeverityOrClear,
} from '../model/index.ts'
import type { AnyMonitor, Gathered } from './monitor.ts'
import { samplesOf } from './run-testing.ts'

/** What the rules of each monitor said on data since `forgetJudgements`, by monitor and rule. */
const shown = new Map<string, Map<string, { raised: boolean; cleared: boolean }>>()

/**
 * What a monitor's default rules say about one run, by name of the rule: only those that say anything but CLEAR. Holding times are left
 * aside. `failed` stands for a run that threw. Counters are judged by what they grew since `before`, the run of a minute ago; without one they
 * are not, as by the first run of a task.
 */
export function judgedBy(
  monitor: AnyMonitor,
  gathered: Gathered<string> | typeof failedMetric,
  before?: Gathered<string>,
): Readonly<Record<string, SeverityOrClear>> {
  const failed = gathered === failedMetric || gathered.failure !== undefined
  const samples: Sample[] = [
    { name: failedMetric, labels: {}, value: failed ? 1 : 0, unit: '' },
    ...(gathered === failedMetric ? [] : judgedSamples(monitor, gathered, before)),
  ]
  const verdicts: Record<string, SeverityOrClear> = {}
  for (const rule of rulesOf(monitor)) {
    const severities = samples
      .filter((sample) => matches(rule.metric, sample.name) && takesItem(rule, sample))
      .map((sample) => severityOf(conditionsOf(rule, sample.unit ?? '') ?? [], sample.value, 'CLEAR'))
    // Items that are there only while something is wrong end what they raised by going.
    const isGone = gathered !== failedMetric && hasNoItems(gathered, rule)
    note(monitor.id, rule.name, isGone ? [...severities, 'CLEAR'] : severities)
    const worst = worstSeverity(severities)
    if (worst !== 'CLEAR') verdicts[rule.name] = worst
  }
  return verdicts
}

const minuteInSeconds = 60

/** The samples of a run in the units that rules are written in, counters as rates. */
function judgedSamples(
  monitor: AnyMonitor,
  gathered: Gathered<string>,
  before: Gathered<string> | undefined,
): readonly Sample[] {
  const keyOf = ({ name, labels }: Sample) => JSON.stringify([name, labels])
  const earlier = new Map(before === undefined ? [] : samplesOf(monitor, before).map((one) => [keyOf(one), one.value]))
  return samplesOf(monitor, gathered).flatMap((sample) => {
    const kind = sample.kind ?? monitor.metrics[sample.name]?.kind
    if (kind !== 'counter') return [sample]
    const grown = sample.value - (earlier.get(keyOf(sample)) ?? Number.NaN)
    const unit = judgedUnit({ unit: sample.unit ?? '', kind })
    return grown >= 0 ? [{ ...sample, value: grown / minuteInSeconds, unit }] : []
  })
}

function hasNoItems({ metrics }: Gathered<string>, { metric }: Rule): boolean {
  return Object.entries(metrics).some(
    ([name, value]) => Array.isArray(value) && value.length === 0 && matches(metric, name),
  )
}

function takesItem({ items }: Rule, { labels }: Sample): boolean {
  return Object.entries(items).every(([label, matcher]) => matches(matcher, labels[label] ?? ''))
}

function note(monitor: string, rule: string, said: readonly SeverityOrClear[]): void {
  const rules = shown.get(monitor) ?? new Map<string, { raised: boolean; cleared: boolean }>()
  shown.set(monitor, rules)
  const { raised = false, cleared = false } = rules.get(rule) ?? {}
  rules.set(rule, {
    raised: raised || said.some((one) => one !== 'CLEAR'),
    cleared: cleared || said.includes('CLEAR'),
  })
}

/** As if nothing had been judged yet. */
export function forgetJudgements(): void {
  shown.clear()
}

/**
 * The default rules of a monitor that nothing judged so far has shown to raise, or to be clear, each with what is missing. A rule about the run
 * itself is none of them: the conformance suite shows that for every monitor.
 */
export function notShown(monitor: AnyMonitor): readonly string[] {
  return rulesOf(monitor)
    .filter(({ metric }) => !matches(metric, failedMetric))
    .flatMap(({ name }) => {
      const { raised = false, cleared = false } = shown.get(monitor.id)?.get(name) ?? {}
      return [...(raised ? [] : [`${name}: never raises`]), ...(cleared ? [] : [`${name}: is never clear`])]
    })
}

export function rulesOf(monitor: AnyMonitor) {
  const about = { metrics: monitor.metrics, open: monitor.openMetrics !== undefined, path: 'rules' }
  const checked = checkRules(monitor.rules, about)
  if (!checked.ok) throw new Error(checked.problems.map((one) => `${one.path} ${one.message}`).join('; '))
  return checked.value
}

import { candidateLabel } from '../../agent/index.ts'
import { explain } from '../../alarms/index.ts'
import { FarwatchError, iso } from '../../base/index.ts'
import type { Inventory } from '../../inventory/index.ts'
import { checkRules, units, type FailureReason, type Rule, type RunResult, type Sample } from '../../model/index.ts'
import type { AnyMonitor, Library } from '../../sdk/index.ts'
import type { CheckQuestions } from '../questions.ts'
import { demand, type Handlers } from '../route.ts'

type Names = 'checkConnector' | 'listCandidates' | 'previewRules'

const mostShown = 5_000

/** Runs by hand of what need not be configured, and what a surveillance table would make of values. */
export function checkHandlers(parts: {
  readonly inventory: Inventory
  readonly library: Library
  readonly fleet: CheckQuestions
  readonly agentName: (id: string) => string
}): Handlers<Names> {
  const { inventory, library, fleet, agentName } = parts
  const monitorOf = (id: string): AnyMonitor => {
    const monitor = library.monitors.get(id)
    if (monitor === undefined) throw new FarwatchError('not-found', `there is no monitor ${JSON.stringify(id)}`)
    return monitor
  }
  return {
    checkConnector: async ({ caller, body }) => {
      const { group, connector, monitor, agent } = body
      demand(caller, 'editor', group)
      const { order, rules, periodMs } = inventory.prepareCheck(body)
      // Before it is run: what it does to the target is known afterwards, whatever becomes of the answer.
      await inventory.record({
        who: caller.username,
        action: 'connector tested',
        what: `groups[${JSON.stringify(group)}]`,
        after: { monitor, type: connector.type, credential: connector.credential ?? null, agent: agent ?? null },
      })
      const run = await fleet.check(group, order, agent)
      const { result } = run
      return {
        agent: agentName(run.agent),
        outcome: result.outcome,
        startedAt: iso(result.startedAt),
        durationMs: result.durationMs,
        reason: result.reason ?? null,
        message: result.message ?? null,
        facts: { ...result.facts },
        samples: judged(monitorOf(monitor), rules, periodMs, {
          ...result,
          samples: result.samples.slice(0, mostShown),
        }),
        left: Math.max(0, result.samples.length - mostShown),
      }
    },
    listCandidates: async ({ caller, body }) => {
      const { group, connector, monitor, agent } = body
      demand(caller, 'editor', group)
      const { order } = inventory.prepareCheck({ ...body, wants: 'candidates' })
      await inventory.record({
        who: caller.username,
        action: 'candidates asked for',
        what: `groups[${JSON.stringify(group)}]`,
        after: { monitor, type: connector.type, credential: connector.credential ?? null, agent: agent ?? null },
      })
      const run = await fleet.check(group, order, agent)
      const candidates: Record<string, string[]> = {}
      for (const { name, labels } of run.result.samples) {
        const candidate = labels[candidateLabel]
        if (candidate !== undefined) (candidates[name] ??= []).push(candidate)
      }
      return {
        agent: agentName(run.agent),
        reason: run.result.reason ?? null,
        message: run.result.message ?? null,
        candidates,
      }
    },
    previewRules: ({ body }) => {
      const monitor = monitorOf(body.monitor)
      const rules = checkRules(body.rules ?? monitor.rules, {
        metrics: monitor.metrics,
        open: monitor.openMetrics !== undefined,
        path: 'rules',
      })
      if (!rules.ok) {
        const [first] = rules.problems
        throw new FarwatchError(
          'invalid-value',
          `the table cannot be used: ${first?.path ?? ''} ${first?.message ?? ''}`,
          {
            problems: rules.problems,
          },
        )
      }
      const samples = body.samples.map(({ name, labels, value, unit: given }): Sample => {
        const unit = units.find((one) => one === given)
        return { name, labels, value, ...(unit === undefined ? {} : { unit }) }
      })
      return { samples: judged(monitor, rules.value, 60_000, { outcome: 'ran', samples }) }
    },
  }
}

/** The run itself first, then its samples in order, each with the rows that take it. */
function judged(
  monitor: AnyMonitor,
  rules: readonly Rule[],
  periodMs: number,
  result: Pick<RunResult, 'outcome' | 'samples'> & { readonly reason?: FailureReason },
) {
  const places = new Map(rules.map(({ name }, i) => [name, i]))
  return explain({ rules, metrics: monitor.metrics, periodMs }, result).map(({ metric, value, unit, rows }, i) => ({
    name: metric,
    labels: { ...(i === 0 ? {} : result.samples[i - 1]?.labels) },
    value,
    unit,
    rows: rows.map(({ rule, exclusive, alarm, severity }) => ({
      row: places.get(rule) ?? 0,
      name: rule,
      exclusive,
      alarm,
      severity,
    })),
  }))
}

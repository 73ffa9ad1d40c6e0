import type { Alarms } from '../../alarms/index.ts'
import { FarwatchError, iso, isoOrNull, suggest } from '../../base/index.ts'
import type { ConfiguredPlugin, Delivery } from '../../delivery/index.ts'
import { explainAlarm, type ExplanationParts } from '../alarm-explanation.ts'
import { countOpen } from '../alarm-counts.ts'
import { readRange } from '../read-request.ts'
import { severities, type Alarm, type AlarmStatus, type Severity } from '../../model/index.ts'
import { demand, Page, visibleGroups, type Caller, type Handlers } from '../route.ts'

type Names =
  | 'listAlarms'
  | 'countAlarms'
  | 'showAlarm'
  | 'explainAlarm'
  | 'listAlarmDestinations'
  | 'acknowledgeAlarm'
  | 'assignAlarm'
  | 'commentAlarm'
  | 'clearAlarm'

const states = ['raised', 'acknowledged', 'cleared'] as const satisfies readonly AlarmStatus[]
const rowsPerRead = 1_000
const mostRows = 10_000

export interface AlarmParts extends ExplanationParts {
  readonly alarms: Alarms
  readonly delivery: Pick<Delivery, 'ledger'>
  readonly configured: () => readonly ConfiguredPlugin[]
}

/** What is wrong, why, who is told of it, and what people do about it. */
export function alarmHandlers(parts: AlarmParts): Handlers<Names> {
  const { alarms, clock, delivery, configured } = parts
  /** The alarm's group decides who may see it; to others it does not exist. */
  async function seen(caller: Caller, id: string) {
    const found = await alarms.get(id)
    const groups = visibleGroups(caller)
    if (found === undefined || (groups !== undefined && !groups.includes(found.alarm.group)))
      throw new FarwatchError('not-found', `there is no alarm ${JSON.stringify(id)}`, {
        hint: 'GET /alarms lists them.',
      })
    return found
  }
  async function operated(caller: Caller, id: string, act: () => Promise<Alarm>) {
    const { alarm } = await seen(caller, id)
    demand(caller, 'operator', alarm.group === '' ? null : alarm.group)
    return shownAlarm(await act())
  }
  return {
    listAlarms: async ({ caller, query }) => {
      const visible = visibleGroups(caller)
      const groups =
        query.group === undefined ? visible : (visible ?? [query.group]).filter((group) => group === query.group)
      const wantedStates =
        query.state === undefined
          ? undefined
          : someOf('state', query.state.replaceAll(/\bopen\b/g, 'raised,acknowledged'), states)
      const wantedSeverities = query.severity === undefined ? undefined : someOf('severity', query.severity, severities)
      const openBetween = query.from === undefined && query.to === undefined ? undefined : readRange(query, clock.now())
      const limit = query.limit ?? mostRows
      const rows: Alarm[] = []
      let cursor = query.cursor
      do {
        const page = await alarms.list({
          limit: Math.min(rowsPerRead, limit - rows.length),
          ...(groups === undefined ? {} : { groups }),
          ...(wantedStates === undefined ? {} : { states: wantedStates }),
          ...(wantedSeverities === undefined ? {} : { severities: wantedSeverities as readonly Severity[] }),
          ...(query.system === undefined ? {} : { system: query.system }),
          ...(query.task === undefined ? {} : { task: query.task }),
          ...(openBetween === undefined ? {} : { openBetween }),
          ...(cursor === undefined ? {} : { cursor }),
        })
        rows.push(...page.alarms)
        cursor = page.next
      } while (cursor !== undefined && rows.length < limit)
      return new Page(rows.map(shownAlarm), cursor)
    },
    showAlarm: async ({ caller, params }) => {
      const { alarm, history } = await seen(caller, params.id)
      return {
        ...shownAlarm(alarm),
        systemId: parts.inventory.task(alarm.task)?.systemId ?? null,
        history: history.map(({ at, what, by, text }) => ({ at: iso(at), what, by, text })),
      }
    },
    countAlarms: async ({ caller, query }) => {
      const { from, to } = readRange(query, clock.now())
      const visible = visibleGroups(caller)
      const groups =
        query.group === undefined ? visible : (visible ?? [query.group]).filter((group) => group === query.group)
      const times = await alarms.openTimes({ from, to: to + 1, ...(groups === undefined ? {} : { groups }) })
      return countOpen(times, { from, to, points: query.points ?? 96 })
    },
    explainAlarm: async ({ caller, params }) => explainAlarm((await seen(caller, params.id)).alarm, parts),
    listAlarmDestinations: async ({ caller, params }) => {
      const { alarm } = await seen(caller, params.id)
      // Plugins belong to no group.
      demand(caller, 'viewer', null)
      const told = await delivery.ledger({ alarm: alarm.id, limit: 1_000 })
      return configured().map(({ name, plugin, sends }) => {
        const goes = sends.includes('alarms') && plugin.alarm !== undefined
        return {
          plugin: name,
          goes,
          because: goes ? 'it sends alarms' : `it sends ${sends.join(' and ') || 'nothing'}, not alarms`,
          deliveries: told
            .filter((one) => one.plugin === name)
            .map(({ id, event, state, queuedAt, finishedAt, message }) => ({
              id: String(id),
              event: event.event,
              state,
              queuedAt: iso(queuedAt),
              finishedAt: isoOrNull(finishedAt),
              message,
            })),
        }
      })
    },
    acknowledgeAlarm: ({ caller, params, body }) =>
      operated(caller, params.id, () => alarms.acknowledge(params.id, caller.username, body.comment)),
    assignAlarm: ({ caller, params, body }) =>
      operated(caller, params.id, () => alarms.assign(params.id, caller.username, body.to, body.comment)),
    commentAlarm: ({ caller, params, body }) =>
      operated(caller, params.id, () => alarms.comment(params.id, caller.username, body.comment)),
    clearAlarm: ({ caller, params, body }) =>
      operated(caller, params.id, () => alarms.clear(params.id, caller.username, body.comment)),
  }
}

/** Reads `a,b`; each must be one of the allowed. */
function someOf<T extends string>(name: string, text: string, allowed: readonly T[]): readonly T[] {
  return text.split(',').map((word) => {
    const found = allowed.find((one) => one === word.trim())
    if (found === undefined)
      throw new FarwatchError(
        'bad-request',
        `The query is not as documented: ${name} ${JSON.stringify(word)} is not one of: ${allowed.join(', ')}`,
        { hint: suggest(word, allowed) },
      )
    return found
  })
}

/** An alarm as answers and live events show it. */
export function shownAlarm(alarm: Alarm) {
  return {
    ...alarm,
    raisedAt: iso(alarm.raisedAt),
    updatedAt: iso(alarm.updatedAt),
    clearedAt: isoOrNull(alarm.clearedAt),
  }
}

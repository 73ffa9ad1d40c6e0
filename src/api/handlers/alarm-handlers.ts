import type { Alarms } from '../../alarms/index.ts'
import { FarwatchError, suggest } from '../../base/index.ts'
import { severities, type Alarm, type AlarmStatus, type Severity } from '../../model/index.ts'
import { demand, Page, visibleGroups, type Caller, type Handlers } from '../route.ts'
import { iso, isoOrNull } from '../shape.ts'

type Names = 'listAlarms' | 'showAlarm' | 'acknowledgeAlarm' | 'assignAlarm' | 'commentAlarm' | 'clearAlarm'

const states = ['raised', 'acknowledged', 'cleared'] as const satisfies readonly AlarmStatus[]
const rowsPerRead = 1_000
const mostRows = 10_000

export function alarmHandlers(alarms: Alarms): Handlers<Names> {
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
        history: history.map(({ at, what, by, text }) => ({ at: iso(at), what, by, text })),
      }
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

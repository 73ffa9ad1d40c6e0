import { call } from '../api/call.ts'
import type { AlarmAnswer } from '../../../src/contract/index.ts'
import type { AlarmChange } from '../model/alarms.ts'

export const alarmActs = ['acknowledge', 'assign', 'comment', 'clear'] as const
export type AlarmAct = (typeof alarmActs)[number]

/** `to`: of an assignment; null for nobody. */
export interface GivenAct {
  readonly act: AlarmAct
  readonly comment: string
  readonly to: string | null
}

/** Whether the act can be done to an alarm as it stands. */
export function isPossible(act: AlarmAct, { state }: Pick<AlarmAnswer, 'state'>): boolean {
  switch (act) {
    case 'acknowledge':
      return state === 'raised'
    case 'assign':
    case 'clear':
      return state !== 'cleared'
    case 'comment':
      return true
  }
}

/** What is shown of an act before the server has answered. That something is over, or was said, is shown when it is so. */
export function foreseen({ act, to }: GivenAct, me: string): AlarmChange | undefined {
  switch (act) {
    case 'acknowledge':
      return { state: 'acknowledged', acknowledgedBy: me }
    case 'assign':
      return { assignedTo: to }
    case 'comment':
    case 'clear':
      return undefined
  }
}

/** Does it to one alarm. @throws ApiError */
export function actOn(id: string, { act, comment, to }: GivenAct): Promise<AlarmAnswer> {
  const params = { id }
  const remark = comment.trim() === '' ? {} : { comment: comment.trim() }
  switch (act) {
    case 'acknowledge':
      return call('acknowledgeAlarm', { params, body: remark })
    case 'assign':
      return call('assignAlarm', { params, body: { to, ...remark } })
    case 'comment':
      return call('commentAlarm', { params, body: { comment: comment.trim() } })
    case 'clear':
      return call('clearAlarm', { params, body: remark })
  }
}

/** How many are on their way at once: a browser holds back more than six to one server by itself. */
const atOnce = 5

/** Does it to many; one that is refused does not hold up the others. */
export async function actOnAll(
  ids: readonly string[],
  given: GivenAct,
  onDone: (count: number) => void,
): Promise<{ readonly done: readonly string[]; readonly refused: readonly { id: string; error: Error }[] }> {
  const done: string[] = []
  const refused: { id: string; error: Error }[] = []
  const waiting = [...ids]
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await actOn(id, given)
        done.push(id)
      } catch (thrown) {
        refused.push({ id, error: thrown instanceof Error ? thrown : new Error(String(thrown)) })
      }
      onDone(done.length + refused.length)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { done, refused }
}

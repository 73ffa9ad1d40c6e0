import { Type, type Static } from 'typebox'
import { AlarmAnswer } from './alarms.ts'
import { Outcome, exact } from './schemas.ts'

/**
 * What `GET /api/v1/events` streams (Server-Sent Events): one JSON object per message, a comment line every 15 s as a sign of life.
 * They announce, nothing depends on receiving them: a client that missed some loads what it shows again.
 */
export const LiveEvent = Type.Union([
  exact({ is: Type.Literal('alarm'), alarm: AlarmAnswer }),
  exact({
    is: Type.Literal('results'),
    tasks: Type.Array(exact({ task: Type.String(), slot: Type.Number(), outcome: Outcome })),
    /** There were more than can be named: any task may have some. */
    more: Type.Optional(Type.Literal(true)),
  }),
  /** Something about agents, or about which of them runs what, is another. */
  exact({ is: Type.Literal('agents') }),
  exact({ is: Type.Literal('configuration'), revision: Type.Integer() }),
])
export type LiveEvent = Static<typeof LiveEvent>

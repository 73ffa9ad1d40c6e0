import { Type, type Static, type TSchema } from 'typebox'
import { outcomes, severities } from '../model/index.ts'

/** An object that has exactly these properties: what is not known is refused, never ignored. */
export function exact<P extends Record<string, TSchema>>(properties: P) {
  return Type.Object(properties, { additionalProperties: false })
}

export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const Timestamp = Type.String({
  description: 'ISO 8601 UTC with milliseconds',
  examples: ['2026-01-31T12:00:00.000Z'],
})
/** In queries: ISO 8601 or epoch milliseconds. */
export const Moment = Type.String({ minLength: 1, maxLength: 40, description: 'ISO 8601, or epoch milliseconds' })
export const DurationText = Type.String({
  minLength: 2,
  maxLength: 40,
  description: 'A duration such as 10s, 5m, 1h30m',
})
export const Name = Type.String({ minLength: 1, maxLength: 200 })
export const Count = Type.Integer({ minimum: 0 })
export const Id = Type.String({ minLength: 1, maxLength: 100 })
export const Severity = Type.Enum([...severities])
export const SeverityOrClear = Type.Enum(['CLEAR', ...severities])
export const Outcome = Type.Enum([...outcomes])
export const Limit = Type.Integer({ minimum: 1, maximum: 10_000, description: 'Rows per page; default 10,000' })
export const LogBytes = Type.Integer({
  minimum: 1,
  maximum: 64 * 1024 ** 2,
  description: 'The newest lines that fit; default 1 MiB',
})
export const Cursor = Type.String({ maxLength: 400, description: 'Farwatch-Next-Cursor of the page before' })
export const Labels = Type.Record(Type.String(), Type.String())
export const Problem = exact({ path: Type.String(), message: Type.String(), hint: Type.Optional(Type.String()) })

export const ErrorAnswer = exact({
  error: exact({
    code: Type.String({ description: 'Stable; see docs/errors.md' }),
    message: Type.String(),
    hint: Type.String(),
    details: Type.Optional(
      Type.Union([Type.Array(Problem), exact({ activeUrl: Nullable(Type.String()) })], {
        description: 'What is wrong with what was given; of `not-active`, where the server that acts is found',
      }),
    ),
  }),
})
export type ErrorAnswer = Static<typeof ErrorAnswer>

export const Done = exact({ done: Type.Literal(true) })

import { judgedUnit, type Unit } from '../model/index.ts'
import type { Series } from './series-index.ts'

/** `rate` is growth for each second, as of a counter: a value that falls is taken as a counter that began anew. */
export const aggregations = ['avg', 'min', 'max', 'sum', 'count', 'last', 'rate'] as const
export type Aggregation = (typeof aggregations)[number]

/** How a series is looked at unless asked otherwise: how high a counter stands says when it began, and nothing else. */
export function defaultAggregation({ kind }: Pick<Series, 'kind'>): Aggregation {
  return kind === 'counter' ? 'rate' : 'avg'
}

/** The unit of what is answered: a rate of bytes is in bytes per second, the same as rules judge counters in. */
export function aggregatedUnit(unit: Unit, agg: Aggregation): Unit {
  return agg === 'rate' ? judgedUnit({ unit, kind: 'counter' }) : agg === 'count' ? '' : unit
}

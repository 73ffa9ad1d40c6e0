import { at } from '../base/index.ts'
import { panelAggregations, panelKinds } from '../contract/index.ts'
import { shown } from '../sdk/index.ts'
import { defaultPanel, type Panel } from './configuration.ts'
import { readChoice, readList, readObject, readOwn, readText, type Problems } from './reading.ts'

const maxTitle = 200
const maxSelection = 2_000
const mostSeries = 20
const columns = 12
const mostRows = 6

/** Reads one panel of a dashboard. Its selections are read where they are asked for, since what is in them is chosen there. */
export function readPanel(given: unknown, path: string, problems: Problems): Panel | undefined {
  const object = readObject(given, path, ['title', 'kind', 'series', 'agg', 'width', 'height'], problems)
  if (object === undefined) return undefined
  const kind = readChoice(readOwn(object, 'kind'), at(path, 'kind'), panelKinds, problems)
  const askedAgg = readOwn(object, 'agg')
  const agg = askedAgg === undefined ? undefined : readChoice(askedAgg, at(path, 'agg'), panelAggregations, problems)
  const series = readList(readOwn(object, 'series'), at(path, 'series'), mostSeries, problems).map((one, index) =>
    readText(one ?? '', at(at(path, 'series'), index), maxSelection, problems),
  )
  if (readOwn(object, 'series') === undefined)
    problems.add(at(path, 'series'), 'is missing: what the panel shows', 'Such as [\'duration{system="shop"}\'].')
  return {
    title: readText(readOwn(object, 'title'), at(path, 'title'), maxTitle, problems),
    kind: kind ?? 'chart',
    series,
    ...(agg === undefined ? {} : { agg }),
    width: readWhole(readOwn(object, 'width'), at(path, 'width'), columns, defaultPanel.width, problems),
    height: readWhole(readOwn(object, 'height'), at(path, 'height'), mostRows, defaultPanel.height, problems),
  }
}

function readWhole(given: unknown, path: string, most: number, otherwise: number, problems: Problems): number {
  if (given === undefined) return otherwise
  if (typeof given === 'number' && Number.isInteger(given) && given >= 1 && given <= most) return given
  problems.add(path, `must be a whole number from 1 to ${most}, not ${shown(given)}`)
  return otherwise
}

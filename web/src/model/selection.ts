import type { Series } from '../../../src/contract/index.ts'
import { maxLines } from './charts.ts'
import { compareNames } from './overview.ts'

/** A selection of series as the API takes it, in parts that one can fill in: `duration{group="acme", mount="/var*"}`. */
export interface Selection {
  readonly name: string
  readonly group: string
  readonly system: string
  /** The labels beside them, as written: `mount="/var*", device="sd*"`. */
  readonly labels: string
}

const pair = /([A-Za-z_][\w.-]*)\s*=\s*"((?:[^"\\]|\\[\s\S])*)"/g

export function readSelection(text: string): Selection {
  const brace = text.indexOf('{')
  const name = (brace < 0 ? text : text.slice(0, brace)).trim()
  const rest: string[] = []
  const found = { group: '', system: '' }
  for (const [whole, key, value] of (brace < 0 ? '' : text.slice(brace)).matchAll(pair)) {
    if (key === 'group' || key === 'system') found[key] = value!.replaceAll(/\\(["\\])/g, '$1')
    else rest.push(whole)
  }
  return { name, ...found, labels: rest.join(', ') }
}

export function writeSelection({ name, group, system, labels }: Selection): string {
  const parts = [
    ...(group === '' ? [] : [`group="${quoted(group)}"`]),
    ...(system === '' ? [] : [`system="${quoted(system)}"`]),
    ...(labels.trim() === '' ? [] : [labels.trim()]),
  ]
  return parts.length === 0 ? name.trim() : `${name.trim()}{${parts.join(', ')}}`
}

/** A selection of everything whose name has the text of this one's in it; undefined while that is too little to look for. */
export function likeNames(text: string): string | undefined {
  const selection = readSelection(text)
  return /^[\w.:-]{2,}$/.test(selection.name) ? writeSelection({ ...selection, name: `*${selection.name}*` }) : undefined
}

function quoted(text: string): string {
  return text.replaceAll(/["\\]/g, '\\$&')
}

/** What was chosen above a dashboard; an empty one stands for everything. */
export interface Chosen {
  readonly group: string
  readonly system: string
}

/** A selection with `$group` and `$system` filled in. Names are taken as they are, whatever the grammar of matchers makes of their characters. */
export function fillIn(text: string, { group, system }: Chosen): string {
  const exactly = (name: string): string => (name === '' ? '*' : quoted(name.replaceAll(/[*?,!/\\]/g, '\\$&')))
  return text.replaceAll('$group', () => exactly(group)).replaceAll('$system', () => exactly(system))
}

/** A chart of selected series: those of one unit. */
export interface UnitChart {
  readonly unit: string
  /** The metrics in it, by name. */
  readonly metrics: readonly string[]
  readonly lines: readonly { readonly id: string; readonly label: string }[]
  /** How many there are; more than lines where a chart would be past reading. */
  readonly items: number
}

/** Selected series as charts, one for each unit they are in, named by what tells them apart. */
export function chartsByUnit(
  series: readonly Series[],
  unitOf: (series: Series) => string = ({ unit }) => unit,
): UnitChart[] {
  return [...Map.groupBy(series, unitOf)]
    .map(([unit, some]) => {
      const lines = named(some).toSorted((a, b) => compareNames(a.label, b.label))
      const metrics = [...new Set(some.map(({ name }) => name))].toSorted(compareNames)
      return { unit, metrics, lines: lines.slice(0, maxLines), items: lines.length }
    })
    .toSorted((a, b) => compareNames(a.unit, b.unit))
}

/** Labels that say where a series comes from only in the words of the program. */
const quietLabels = new Set(['task', 'agent', 'profile'])
/** What a series is called by, where its own labels do not tell it from the others. */
const placeLabels = ['system', 'connector', 'group', 'monitor']

/** Each series by its metric, where there are several, and by as few of its labels as tell it from the others. */
export function named(series: readonly Series[]): { readonly id: string; readonly label: string }[] {
  const several = new Set(series.map(({ name }) => name)).size > 1
  const own = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))]
    .filter((key) => !quietLabels.has(key) && !placeLabels.includes(key))
    .toSorted()
  let names = series.map(({ name }) => (several ? [name] : []))
  for (const key of [...own, ...placeLabels]) {
    const longer = names.map((words, i) => [
      ...words,
      ...(series[i]!.labels[key] === undefined ? [] : [series[i]!.labels[key]!]),
    ])
    if (countDistinct(longer) > countDistinct(names)) names = longer
  }
  return series.map(({ id, name, labels }, i) => ({
    id,
    label: names[i]!.length === 0 ? (labels['system'] ?? name) : names[i]!.join(' · '),
  }))
}

function countDistinct(names: readonly (readonly string[])[]): number {
  return new Set(names.map((words) => words.join('\n'))).size
}

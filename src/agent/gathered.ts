import { units, type Facts, type FailureReason, type Labels, type Sample, type Unit } from '../model/index.ts'
import { isPlainObject, reservedKey, shown, type AnyMonitor } from '../sdk/index.ts'
import type { Mask } from './mask.ts'

/** What a run gathered, checked and copied: nothing of the monitor's own objects is left in it. */
export interface CheckedGathered {
  readonly samples: readonly Sample[]
  readonly facts?: Facts
  readonly message?: string
  readonly failure?: { readonly reason: FailureReason; readonly message: string }
}

export const limits = {
  samples: 10_000,
  /** Characters of all names, labels and facts of one run together. */
  characters: 2_000_000,
  name: 200,
  labels: 32,
  labelValue: 1_000,
  facts: 200,
  factValue: 4_000,
  message: 1_000,
} as const

const failureReasons: ReadonlySet<string> = new Set([
  'refused',
  'unreachable',
  'timed out',
  'tls',
  'credentials',
  'protocol',
  'too large',
  'assertion',
  'configuration',
  'killed: memory',
  'killed: hung',
  'crashed',
  'garbage',
  'defect',
] satisfies FailureReason[])

export function isFailureReason(given: unknown): given is FailureReason {
  return typeof given === 'string' && failureReasons.has(given)
}

const unitNames: ReadonlySet<string> = new Set(units)

export function isUnit(given: unknown): given is Unit {
  return typeof given === 'string' && unitNames.has(given)
}

/**
 * How many steps of one a declared metric is kept in, by its unit: microseconds, thousandths of a percent, a minute and a half of a day.
 * What lies below is the noise of binary fractions (78.1933880000006 ms), and costs more bytes than all the rest of the value.
 */
const steps: { readonly [U in Unit]?: number } = { ms: 1_000, '%': 1_000, d: 1_000 }

/** Thrown inside of this file only: the first thing wrong, in words that follow "the monitor returned". */
class Garbage extends Error {}

/**
 * Holds what a monitor returned against its declaration.
 * @returns the gathered values, secrets masked; or what is wrong, in words. Never throws, whatever was returned.
 */
export function checkGathered(
  monitor: Pick<AnyMonitor, 'metrics' | 'openMetrics'>,
  returned: unknown,
  mask: Mask,
): { readonly ok: true; readonly value: CheckedGathered } | { readonly ok: false; readonly message: string } {
  try {
    return { ok: true, value: read(monitor, returned, mask) }
  } catch (thrown) {
    // A getter or proxy of the monitor's may throw anything, even something that cannot be printed.
    const what = thrown instanceof Garbage ? mask(thrown.message) : 'something that cannot be read'
    return { ok: false, message: oneLine(`the monitor returned ${what}`) }
  }
}

/** One line of at most 1,000 characters, without control characters and broken Unicode. Mask before: a cut secret is not found. */
export function oneLine(text: string): string {
  const line = text
    // A message may be a whole page; only the beginning can be shown.
    .slice(0, 4 * limits.message)
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
  return line.length <= limits.message ? line : `${line.slice(0, limits.message - 1).toWellFormed()}…`
}

function read(monitor: Pick<AnyMonitor, 'metrics' | 'openMetrics'>, returned: unknown, mask: Mask): CheckedGathered {
  if (!isPlainObject(returned)) throw new Garbage(`${shown(returned)} instead of what it gathered`)
  const samples: Sample[] = []
  const budget = { left: limits.characters as number }
  const { metrics, more, facts, message, failure } = returned
  if (!isPlainObject(metrics)) throw new Garbage(`${shown(metrics)} instead of metrics`)
  for (const [name, given] of Object.entries(metrics)) {
    if (given === undefined) continue
    const declared = Object.hasOwn(monitor.metrics, name) ? monitor.metrics[name] : undefined
    if (declared === undefined) throw new Garbage(`the metric ${shown(name)}, which it does not declare`)
    if (Array.isArray(given)) {
      const allowed = declared.items ?? []
      for (const item of given as unknown[]) {
        if (!isPlainObject(item)) throw new Garbage(`${shown(item)} as an item of ${name}`)
        const { labels, value } = item
        add(samples, {
          name,
          labels: readLabels(name, labels, mask, budget, allowed),
          value: kept(declared.unit, finite(name, value)),
        })
      }
    } else add(samples, { name, labels: {}, value: kept(declared.unit, finite(name, given)) })
  }
  if (more !== undefined) {
    if (monitor.openMetrics === undefined) throw new Garbage('further metrics, which it does not declare')
    if (!Array.isArray(more)) throw new Garbage(`${shown(more)} instead of further metrics`)
    for (const sample of more as unknown[]) {
      if (!isPlainObject(sample)) throw new Garbage(`${shown(sample)} as a further metric`)
      const name = readName('the metric', sample['name'], budget)
      const { labels, value, unit, kind } = sample
      if (unit !== undefined && !isUnit(unit)) throw new Garbage(`${name} in the unit ${shown(unit)}`)
      if (kind !== undefined && kind !== 'counter') throw new Garbage(`${name} of the kind ${shown(kind)}`)
      add(samples, {
        name,
        labels: readLabels(name, labels, mask, budget),
        value: finite(name, value),
        ...(unit === undefined ? {} : { unit }),
        ...(kind === undefined ? {} : { kind }),
      })
    }
  }
  return {
    samples,
    ...(facts === undefined ? {} : { facts: readFacts(facts, mask, budget) }),
    ...(message === undefined || message === '' ? {} : { message: readMessage(message, mask) }),
    ...(failure === undefined ? {} : { failure: readFailure(failure, mask) }),
  }
}

function add(samples: Sample[], sample: Sample): void {
  if (samples.length >= limits.samples) throw new Garbage(`more than ${limits.samples} values`)
  samples.push(sample)
}

function finite(name: string, given: unknown): number {
  if (typeof given !== 'number' || !Number.isFinite(given)) throw new Garbage(`${shown(given)} as a value of ${name}`)
  return given
}

/** Values of any size stay what they are: far from one, a step is finer than what a number can hold. */
function kept(unit: Unit, value: number): number {
  const perOne = steps[unit]
  return perOne === undefined || Math.abs(value) > 1e9 ? value : Math.round(value * perOne) / perOne
}

function spend(budget: { left: number }, characters: number): void {
  budget.left -= characters
  if (budget.left < 0) throw new Garbage(`more than ${limits.characters} characters of names and labels`)
}
const control = /\p{Cc}/u
const everyControl = /\p{Cc}/gu

function readName(what: string, given: unknown, budget: { left: number }): string {
  if (typeof given !== 'string' || given === '' || given.length > limits.name)
    throw new Garbage(`${shown(given)} as the name of ${what}`)
  if (control.test(given) || !given.isWellFormed() || reservedKey(given))
    throw new Garbage(`${shown(given)} as the name of ${what}`)
  spend(budget, given.length)
  return given
}

/** Targets name their items as they like; what cannot be shown is replaced, what cannot be kept is refused. */
function readText(what: string, given: string, max: number, mask: Mask, budget: { left: number }): string {
  if (given.length > max) throw new Garbage(`${what} of ${given.length} characters; at most ${max} are taken`)
  spend(budget, given.length)
  return mask(given).toWellFormed().replace(everyControl, '\ufffd')
}

function readLabels(
  metric: string,
  given: unknown,
  mask: Mask,
  budget: { left: number },
  allowed?: readonly string[],
): Labels {
  if (!isPlainObject(given)) throw new Garbage(`${shown(given)} as labels of ${metric}`)
  const labels: Record<string, string> = {}
  let count = 0
  for (const [name, value] of Object.entries(given)) {
    if (++count > limits.labels) throw new Garbage(`more than ${limits.labels} labels on ${metric}`)
    if (allowed !== undefined && !allowed.includes(name))
      throw new Garbage(`the label ${shown(name)} on ${metric}, which it does not declare`)
    if (typeof value !== 'string') throw new Garbage(`${shown(value)} as the label ${shown(name)} of ${metric}`)
    labels[readName(`a label of ${metric}`, name, budget)] = readText(
      `the label ${shown(name)} of ${metric}`,
      value,
      limits.labelValue,
      mask,
      budget,
    )
  }
  return labels
}

function readFacts(given: unknown, mask: Mask, budget: { left: number }): Facts {
  if (!isPlainObject(given)) throw new Garbage(`${shown(given)} instead of facts`)
  const facts: Record<string, string | number | boolean> = {}
  let count = 0
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (++count > limits.facts) throw new Garbage(`more than ${limits.facts} facts`)
    const key = readName('a fact', name, budget)
    if (typeof value === 'string') facts[key] = readText(`the fact ${key}`, value, limits.factValue, mask, budget)
    else if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) facts[key] = value
    else throw new Garbage(`${shown(value)} as the fact ${key}`)
  }
  return facts
}

function readMessage(given: unknown, mask: Mask): string {
  if (typeof given !== 'string') throw new Garbage(`${shown(given)} as its message`)
  // Masking a text of megabytes would hold up everybody else; the rest could not be shown anyway.
  return oneLine(mask(given.slice(0, 100_000)))
}

function readFailure(given: unknown, mask: Mask): { reason: FailureReason; message: string } {
  if (!isPlainObject(given) || !isFailureReason(given['reason']))
    throw new Garbage(`${shown(given)} as the reason of its failure`)
  return { reason: given['reason'], message: readMessage(given['message'], mask) || given['reason'] }
}

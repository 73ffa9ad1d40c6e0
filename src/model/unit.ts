import { bytesOf } from '../base/index.ts'

/**
 * The units a metric may have. Values are stored in exactly this unit; a threshold may be written in any unit of the same
 * quantity (`> 2s` on a metric in `ms`). `''` is a plain number.
 */
export const units = ['', 's', 'ms', 'us', 'B', 'B/s', '%', '/s', 'd', 'Hz', '°C', 'V', 'A', 'W', 'bit/s'] as const
export type Unit = (typeof units)[number]

/** Spellings of one quantity, each with its size in the quantity's base. Bytes and bits a second are one quantity. */
const quantities: readonly Readonly<Record<string, number>>[] = [
  { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60, h: 3_600, d: 86_400, w: 604_800 },
  bytesOf,
  {
    ...Object.fromEntries(Object.entries(bytesOf).map(([name, size]) => [`${name}/s`, size])),
    'bit/s': 1 / 8,
    'kbit/s': 1e3 / 8,
    'Mbit/s': 1e6 / 8,
    'Gbit/s': 1e9 / 8,
  },
  { '%': 1 },
  { '/s': 1, '/m': 1 / 60, '/min': 1 / 60, '/h': 1 / 3_600 },
  { Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9 },
  { '°C': 1 },
  { mV: 1e-3, V: 1, kV: 1e3 },
  { mA: 1e-3, A: 1 },
  { mW: 1e-3, W: 1, kW: 1e3, MW: 1e6 },
  { '': 1 },
]

/** How an amount may be written for a metric of this unit, in units of the same quantity. */
export function spellingsOf(unit: Unit): readonly string[] {
  return Object.keys(quantityOf(unit)).filter((name) => name !== '')
}

function quantityOf(unit: Unit): Readonly<Record<string, number>> {
  // Every unit stands in exactly one quantity; unit.test.ts says so.
  return quantities.find((quantity) => Object.hasOwn(quantity, unit))!
}

/**
 * Reads an amount such as `2s`, `1m30s`, `500 MiB`, `90%`, `-5`, `1e6` as a number of `unit`s. Without a unit of its own the number
 * counts in `unit`s already. @returns undefined where the text is no amount of that quantity
 */
export function parseAmount(text: string, unit: Unit): number | undefined {
  const trimmed = text.trim()
  if (trimmed.length > 60) return undefined
  const found = /^([+-]?)((?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*[^\d\s.+-]*)+)$/u.exec(trimmed)
  if (found === null) return undefined
  const quantity = quantityOf(unit)
  const parts = [...found[2]!.matchAll(/(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([^\d\s.+-]*)/gu)]
  // Only a duration is written in several parts: `1m30s`.
  if (parts.length > 1 && !Object.hasOwn(quantity, 's')) return undefined
  let total = 0
  for (const [, amount, written] of parts) {
    if (written === '' && parts.length > 1) return undefined
    const name = written === '' ? unit : written!
    if (!Object.hasOwn(quantity, name)) return undefined
    // Whole numbers in the metric's own unit must stay exact, so the conversion is left out where there is none.
    total += name === unit ? Number(amount) : (Number(amount) * quantity[name]!) / quantity[unit]!
  }
  return Number.isFinite(total) ? (found[1] === '-' ? -total : total) : undefined
}

/** Writes a value for people, with a unit that makes it short: 2140 ms is `2.14 s`, 91.234 % is `91.2 %`. */
export function formatAmount(value: number, unit: Unit): string {
  const quantity = quantityOf(unit)
  const ladder = ladders[unit] ?? [unit]
  let chosen: string = unit
  for (const name of ladder) {
    if (Math.abs(value) * (quantity[unit]! / quantity[name]!) >= 1) chosen = name
  }
  const shown = Number(((value * quantity[unit]!) / quantity[chosen]!).toPrecision(3))
  // Three digits are enough at night, but never at the price of the whole part: 1234 sessions are not 1230.
  const exact = (value * quantity[unit]!) / quantity[chosen]!
  const number = Math.abs(exact) >= 1_000 ? Math.round(exact) : shown
  return chosen === '' ? `${number}` : chosen.startsWith('/') ? `${number}${chosen}` : `${number} ${chosen}`
}

const times = ['us', 'ms', 's', 'min', 'h', 'd']
const ladders: Partial<Record<Unit, readonly string[]>> = {
  us: times,
  ms: times,
  s: times,
  B: ['B', 'KiB', 'MiB', 'GiB', 'TiB'],
  'B/s': ['B/s', 'KiB/s', 'MiB/s', 'GiB/s', 'TiB/s'],
  'bit/s': ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'],
  Hz: ['Hz', 'kHz', 'MHz', 'GHz'],
}

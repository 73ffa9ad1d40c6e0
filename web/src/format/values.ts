import type { Unit } from '../../../src/model/index.ts'

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
const thin = '\u202f'

/** About three significant digits, never more than `digits` after the point, thousands apart: 0.0123, 1.23, 12.3, 123, 12 345. */
export function formatNumber(value: number, digits = 3): string {
  const size = Math.abs(value)
  if (value === 0) return '0'
  if (size >= 1e15 || size < 1e-6) return value.toExponential(2)
  const places =
    size >= 100
      ? Number.isInteger(value) || size >= 1_000
        ? 0
        : 1
      : size >= 10
        ? 1
        : size >= 1
          ? 2
          : Math.max(digits, 2 - Math.floor(Math.log10(size)))
  const [whole = '', fraction = ''] = value.toFixed(Math.min(places, 20)).split('.')
  const trimmed = fraction.replace(/0+$/, '')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, thin)
  return trimmed === '' ? grouped : `${grouped}.${trimmed}`
}

function scaled(value: number, base: number, steps: readonly string[]): string {
  let size = value
  let step = 0
  while (Math.abs(size) >= base && step < steps.length - 1) {
    size /= base
    step += 1
  }
  return `${formatNumber(size)} ${steps[step]!}`
}

/** A span for people, with at most two of its units: `820 ms`, `12.5 s`, `3 min 20 s`, `4 h 5 min`, `12 d 3 h`. */
export function formatSpan(ms: number): string {
  const size = Math.abs(ms)
  const sign = ms < 0 ? '-' : ''
  if (size < 1) return ms === 0 ? '0 ms' : `${sign}${formatNumber(size * 1_000)} µs`
  if (size < 1_000) return `${sign}${formatNumber(size)} ms`
  if (size < 60_000) return `${sign}${formatNumber(size / 1_000)} s`
  const steps = [
    { unit: 'd', ms: 86_400_000 },
    { unit: 'h', ms: 3_600_000 },
    { unit: 'min', ms: 60_000 },
    { unit: 's', ms: 1_000 },
  ] as const
  const first = steps.findIndex((step) => size >= step.ms)
  const large = steps[first]!
  const small = steps[first + 1]!
  // Rounded in the smaller unit first, so that 59.9 s above a minute does not become "1 min 60 s".
  const inSmall = Math.round(size / small.ms)
  const larger = steps[first - 1]
  if (larger !== undefined && inSmall * small.ms >= larger.ms) return `${sign}1 ${larger.unit}`
  const perLarge = large.ms / small.ms
  const rest = inSmall % perLarge
  const whole = Math.floor(inSmall / perLarge)
  return `${sign}${formatNumber(whole)} ${large.unit}${rest === 0 ? '' : ` ${rest} ${small.unit}`}`
}

/** A measured value with its unit, as people write it. Units the portal does not know are put behind the number. */
export function formatValue(value: number | null | undefined, unit: Unit | (string & {})): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  switch (unit) {
    case '':
      return formatNumber(value)
    case 'us':
      return formatSpan(value / 1_000)
    case 'ms':
      return formatSpan(value)
    case 's':
      return formatSpan(value * 1_000)
    case 'd':
      return `${formatNumber(value)} d`
    case 'B':
      return scaled(value, 1024, binary)
    case 'B/s':
      return scaled(
        value,
        1024,
        binary.map((step) => `${step}/s`),
      )
    case 'bit/s':
      return scaled(value, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'])
    case 'Hz':
      return scaled(value, 1000, ['Hz', 'kHz', 'MHz', 'GHz'])
    case '%':
      return `${formatNumber(value)} %`
    case '/s':
      return `${formatNumber(value)}/s`
    default:
      return `${formatNumber(value)} ${unit}`
  }
}

/**
 * A share as per cent. Never rounds up to a whole: 99.996 % covered is not 100 %, and that is what people look at this for.
 */
export function formatShare(share: number | null): string {
  if (share === null) return '–'
  if (share >= 1) return '100 %'
  const percent = Math.floor(share * 10_000) / 100
  return `${percent >= 99 || percent === 0 ? percent.toFixed(percent === 0 ? 0 : 2) : formatNumber(Math.floor(percent * 10) / 10)} %`
}

/** Steps between the ticks of an axis of bytes, so that they fall on whole KiB, MiB, …. */
export const byteSteps: readonly number[] = Array.from({ length: 60 }, (_, i) => 2 ** i)

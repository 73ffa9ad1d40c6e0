import { formatDuration, formatSize, parseDuration, parseSize } from '../../base/index.ts'
import type { ResultRetention, SettingDeclaration } from './declarations.ts'

export type SettingValue = string | number | boolean | readonly string[] | ResultRetention

/** A value as code uses it, or what is wrong with it and what is allowed. */
export type ReadValue =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly why: string; readonly allowed: string }

/** Reads one given value: text from flags and environment, or any JSON value from the file and the API. */
export function readSetting(declaration: SettingDeclaration, given: unknown): ReadValue {
  const allowed = allowedValues(declaration)
  const bad = (why: string): ReadValue => ({ ok: false, why, allowed })
  switch (declaration.kind) {
    case 'text':
      if (typeof given !== 'string') return bad('is not a text')
      if (given.length > declaration.maxLength) return bad(`is ${given.length} characters long`)
      if (/\p{Cc}/u.test(given) || !given.isWellFormed()) return bad('contains control characters or broken Unicode')
      return { ok: true, value: given }
    case 'proxy':
      return typeof given === 'string' && given.length <= 2_000 && (given === '' || isProxy(given))
        ? { ok: true, value: given }
        : bad('is not the URL of a proxy')
    case 'choice':
      return typeof given === 'string' && declaration.of.includes(given)
        ? { ok: true, value: given }
        : bad('is not one of the choices')
    case 'flag':
      if (typeof given === 'boolean') return { ok: true, value: given }
      if (given === 'true' || given === 'false') return { ok: true, value: given === 'true' }
      return bad('is neither true nor false')
    case 'urls': {
      const parts = typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given
      if (!Array.isArray(parts)) return bad('is not a list')
      if (parts.length > 20) return bad(`has ${parts.length} entries`)
      const urls: string[] = []
      for (const part of parts) {
        if (part === '' && typeof given === 'string') continue
        const url = typeof part === 'string' ? serverUrl(part) : undefined
        if (url === undefined) return bad('has an entry that is not the URL of a server')
        if (!urls.includes(url)) urls.push(url)
      }
      return { ok: true, value: urls }
    }
    case 'number': {
      const number = readNumber(given, declaration.unit)
      if (number === undefined || !Number.isInteger(number)) return bad('is not a whole number')
      if (number < declaration.min) return bad('is too small')
      if (number > declaration.max) return bad('is too large')
      return { ok: true, value: number }
    }
    case 'result-retention': {
      if (given === 'all' || given === 'statistics') return { ok: true, value: { keep: given } }
      const duration = typeof given === 'string' ? /^longer-than\s+(\S+)$/.exec(given)?.[1] : undefined
      const ms = duration === undefined ? undefined : parseDuration(duration)
      return ms === undefined ? bad('is none of these') : { ok: true, value: { keep: 'longer-than', ms } }
    }
  }
}

/** What is allowed, in words that complete "must be …". */
export function allowedValues(declaration: SettingDeclaration): string {
  switch (declaration.kind) {
    case 'text':
      return `a text of at most ${declaration.maxLength} characters in one line`
    case 'proxy':
      return 'http://name:port or https://name:port, with user name and password where the proxy asks for them, or empty'
    case 'choice':
      return declaration.of.join(', ')
    case 'flag':
      return 'true or false'
    case 'urls':
      return 'URLs such as https://watch.example.org:8443, at most 20, without user name'
    case 'number': {
      const { min, max, unit } = declaration
      const range = `a whole number from ${min} to ${max}`
      if (unit === 'ms')
        return `${range} (milliseconds), or a duration from ${formatDuration(min)} to ${formatDuration(max)}`
      if (unit === 'B') return `${range} (bytes), or a size from ${formatSize(min)} to ${formatSize(max)}`
      if (unit === 'MiB') return `${range} (MiB), or a size such as 512MiB`
      return unit === '' ? range : `${range} (${unit}), or a duration such as ${unit === 'days' ? '30d' : '12h'}`
    }
    case 'result-retention':
      return 'all, statistics, or longer-than with a duration (longer-than 5s)'
  }
}

/** The value as it is written in a file, by the API, on the screen: the inverse of `readSetting`. */
export function writeSetting(value: SettingValue): string | number | boolean | readonly string[] {
  if (typeof value !== 'object' || Array.isArray(value)) return value as string | number | boolean | readonly string[]
  const retention = value as ResultRetention
  return retention.keep === 'longer-than' ? `longer-than ${formatDuration(retention.ms)}` : retention.keep
}

function readNumber(given: unknown, unit: '' | 'ms' | 'B' | 'MiB' | 'days' | 'hours'): number | undefined {
  if (typeof given === 'number') return given
  if (typeof given !== 'string') return undefined
  const text = given.trim()
  if (/^-?\d{1,16}$/.test(text)) return Number(text)
  switch (unit) {
    case '':
      return undefined
    case 'ms':
      return parseDuration(text)
    case 'B':
      return parseSize(text)
    case 'MiB':
      return divided(parseSize(text), 1024 ** 2)
    case 'days':
      return divided(parseDuration(text), 86_400_000)
    case 'hours':
      return divided(parseDuration(text), 3_600_000)
  }
}

function divided(amount: number | undefined, by: number): number | undefined {
  return amount === undefined ? undefined : amount / by
}

function isProxy(text: string): boolean {
  const url = URL.parse(text)
  return (
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.hostname !== '' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    // What URL takes out of a text and would not be seen in it.
    !/[\p{Cc}\s]/u.test(text)
  )
}

export const hiddenPassword = '***'

/** The URL of a proxy as it may be shown: without the password. */
export function shownProxy(proxy: string): string {
  const url = URL.parse(proxy)
  if (url === null || url.password === '') return proxy
  url.password = hiddenPassword
  return url.href.replace(/\/$/, '')
}

/** A path is where a reverse proxy has the server. */
function serverUrl(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  return url.search === '' && url.hash === '' ? `${url.origin}${url.pathname.replace(/\/+$/, '')}` : undefined
}

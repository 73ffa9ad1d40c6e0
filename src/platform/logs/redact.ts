import { FarwatchError, messageOf, systemCodeOf } from '../../base/index.ts'
import type { LogFields } from './log.ts'

// Field names whose values are never written, whoever passes them. The first defence is not to pass them.
const secretName = /pass(word|phrase)?$|secret|token$|authorization|cookie|private.?key|^key$|credential.?value/i
const reservedNames = ['level', 'time', 'event']
const maxText = 4_000
const maxDepth = 4
const maxEntries = 50

/** Makes fields fit to be written: no secrets by name, no user info in URLs, bounded in size and depth, errors as plain values. */
export function redacted(fields: LogFields): Record<string, unknown> {
  const written = entriesOf(fields, 0)
  for (const name of reservedNames) {
    if (!Object.hasOwn(written, name)) continue
    // Two equal keys in one JSON object: readers would see either the line's own or this one.
    written[`${name}_`] = written[name]
    delete written[name]
  }
  return written
}

function entriesOf(value: object, depth: number): Record<string, unknown> {
  const written: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value).slice(0, maxEntries)) {
    written[name] = secretName.test(name) && inner !== undefined ? '[hidden]' : plain(inner, depth)
  }
  return written
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return textOf(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[function]' : value
  if (value instanceof Error) return errorOf(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= maxDepth) return '[…]'
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((inner) => plain(inner, depth + 1))
  return entriesOf(value, depth + 1)
}

function errorOf(error: Error, depth: number): Record<string, unknown> {
  return {
    name: error.name,
    message: textOf(messageOf(error)),
    ...(systemCodeOf(error) === undefined ? {} : { code: systemCodeOf(error) }),
    // A failure with a code is understood; the stack is for those that are not.
    ...(error instanceof FarwatchError || error.stack === undefined ? {} : { stack: textOf(error.stack) }),
    ...(error.cause === undefined || depth >= maxDepth ? {} : { cause: plain(error.cause, depth + 1) }),
  }
}

function textOf(text: string): string {
  const cut = text.length > maxText ? `${text.slice(0, maxText)}…` : text
  return cut
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@?#]+@/gi, '$1[hidden]@')
    .replace(/\bfw_[A-Za-z0-9_-]{20,}/g, 'fw_[hidden]')
}

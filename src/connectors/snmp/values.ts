import { isUtf8 } from 'node:buffer'
import type { SnmpValue } from '../../sdk/index.ts'

/** The types of variables as the protocol numbers them. */
const kinds: Readonly<Record<number, SnmpValue['type']>> = {
  2: 'integer',
  4: 'text',
  6: 'oid',
  64: 'address',
  65: 'counter32',
  66: 'gauge',
  67: 'ticks',
  68: 'gauge',
  70: 'counter64',
}

/**
 * One variable as the library read it. Undefined where the device says that there is none, and for what is neither a number nor a text:
 * null, nonsense of an unknown type.
 */
export function readValue(oid: string, type: number, value: unknown): SnmpValue | undefined {
  const kind = kinds[type]
  if (kind === undefined || !/^\d+(\.\d+)*$/.test(oid)) return undefined
  const read = type === 68 ? opaqueFloat(value) : type === 70 ? unsigned(value) : plain(value)
  if (read === undefined) return undefined
  const isNumber = kind !== 'text' && kind !== 'oid' && kind !== 'address'
  return (typeof read === 'number') === isNumber ? { oid, type: kind, value: read } : undefined
}

function plain(value: unknown): number | string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? octets(value) : undefined
}

/** Octets are a text where they can be read as one; others, such as hardware addresses, are written in hexadecimal. */
function octets(value: Buffer): string {
  let end = value.length
  while (end > 0 && value[end - 1] === 0) end--
  const text = value.subarray(0, end)
  const readable = isUtf8(text) && !/[\p{Cc}]/u.test(text.toString('utf8').replace(/[\t\r\n]/g, ''))
  return readable ? text.toString('utf8') : (value.toString('hex').match(/../g) ?? []).join(':')
}

/** 64 bits arrive as their bytes, shortened by leading zeros or lengthened by one that says "not negative". */
function unsigned(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 ? value : undefined
  if (!Buffer.isBuffer(value) || value.length === 0 || value.length > 9) return undefined
  return value.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** net-snmp's way to send a float: the bytes of a float in BER, 9f 78 04, within an opaque value. */
function opaqueFloat(value: unknown): number | undefined {
  if (!Buffer.isBuffer(value) || value.length !== 7 || value.readUIntBE(0, 3) !== 0x9f7804) return undefined
  const float = value.readFloatBE(3)
  return Number.isFinite(float) ? float : undefined
}

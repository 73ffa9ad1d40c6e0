import type { MongodbDocument, MongodbValue } from '../../sdk/index.ts'

/**
 * The few bytes of MongoDB's protocol that show whether somebody speaks it, and what becomes of the values of BSON. Talking to a server is
 * the library's.
 */

const opMsg = 2013
const requestId = 0x46617277

/** `{ hello: 1, $db: 'admin' }` in a message of its own: answered by every server since 3.6 without a sign-in. */
export function questionOf(): Buffer {
  const hello = Buffer.concat([Buffer.from('\x10hello\0'), Buffer.from([1, 0, 0, 0])])
  const database = Buffer.concat([Buffer.from('\x02$db\0'), Buffer.from([6, 0, 0, 0]), Buffer.from('admin\0')])
  const body = Buffer.alloc(4 + hello.length + database.length + 1)
  body.writeInt32LE(body.length)
  hello.copy(body, 4)
  database.copy(body, 4 + hello.length)
  const message = Buffer.alloc(16 + 4 + 1 + body.length)
  message.writeInt32LE(message.length)
  message.writeInt32LE(requestId, 4)
  message.writeInt32LE(opMsg, 12)
  body.copy(message, 21)
  return message
}

/** Whether these are the first bytes of a server's answer to that question. */
export function isMongodb(said: Buffer): boolean {
  return (
    said.length >= 16 &&
    said.readInt32LE(0) >= 21 &&
    said.readInt32LE(8) === requestId &&
    said.readInt32LE(12) === opMsg
  )
}

const mostDeep = 20
const mostItems = 10_000

/** A document as plain values. Bounded in depth and width: what is beyond is left out. */
export function plainDocument(given: unknown): MongodbDocument {
  const value = plain(given, 0)
  return typeof value === 'object' && value !== null && !isList(value) ? value : {}
}

function isList(value: MongodbValue): value is readonly MongodbValue[] {
  return Array.isArray(value)
}

function plain(given: unknown, deep: number): MongodbValue {
  switch (typeof given) {
    case 'string':
    case 'number':
    case 'boolean':
      return given
    case 'bigint':
      return Number(given)
    case 'object':
      return given === null || deep >= mostDeep ? null : plainObject(given, deep)
    default:
      return null
  }
}

function plainObject(given: object, deep: number): MongodbValue {
  if (given instanceof Date) return given.getTime()
  if (Array.isArray(given)) return given.slice(0, mostItems).map((one) => plain(one, deep + 1))
  // The library marks the kinds of number that JavaScript has none for, and everything else of BSON's own.
  const kind: unknown = '_bsontype' in given ? given._bsontype : undefined
  if (kind === 'Long' || kind === 'Double' || kind === 'Int32' || kind === 'Decimal128') return Number(String(given))
  if (typeof kind === 'string') return String(given).slice(0, 200)
  const fields = given instanceof Map ? [...given] : Object.entries(given)
  return Object.fromEntries(fields.slice(0, mostItems).map(([name, value]) => [String(name), plain(value, deep + 1)]))
}

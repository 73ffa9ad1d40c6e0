import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BundleTable } from './bundle-table.ts'
import { StatementCache } from './sqlite.ts'

const day = fc.nat(40)
const owner = fc.integer({ min: 1, max: 3 })
const change = fc.oneof(
  fc.record({
    write: fc.constant(true as const),
    owner,
    bodies: fc.array(fc.tuple(day, fc.uint8Array({ maxLength: 20 })), { maxLength: 6 }),
  }),
  fc.record({ write: fc.constant(false as const), owner, day }),
)

test('a table of bundles holds what rows for each day would', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), owner, day, day, (changes, asked, from, to) => {
      using db = new DatabaseSync(':memory:')
      db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT')
      const table = new BundleTable(new StatementCache(db), 't', 7)
      const rows = new Map<number, Map<number, Uint8Array>>([1, 2, 3].map((each) => [each, new Map()]))
      for (const each of changes) {
        const own = rows.get(each.owner)!
        if (each.write) {
          const bodies = [...new Map(each.bodies)]
          for (const [day, body] of bodies) own.set(day, body)
          table.write(
            each.owner,
            bodies.map(([day, body]) => ({ day, body })),
          )
        } else {
          for (const day of own.keys()) if (day < each.day) own.delete(day)
          table.deleteBefore(each.owner, each.day)
        }
      }
      expect(table.read(asked, from, to)).toEqual(
        [...rows.get(asked)!]
          .filter(([day]) => day >= from && day <= to)
          .sort((a, b) => a[0] - b[0])
          .map(([day, body]) => ({ day, body })),
      )
    }),
  )
})

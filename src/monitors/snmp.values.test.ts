import { expect, test } from 'vitest'
import { checkDeclared, type SnmpClient, type SnmpValue } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import snmpValues from './snmp.values.ts'

const seen = (oid: string, type: SnmpValue['type'], value: SnmpValue['value']): SnmpValue => ({ oid, type, value })

const client: SnmpClient = {
  target: 'ups1:161',
  get: async (oids) =>
    new Map(
      [seen('1.3.1.0', 'integer', 235), seen('1.3.2.0', 'text', '12.5'), seen('1.3.3.0', 'text', 'on battery')]
        .filter(({ oid }) => oids.includes(oid))
        .map((one) => [one.oid, one]),
    ),
  walk: async (oid, most) => {
    const columns: Readonly<Record<string, SnmpValue[]>> = {
      '1.3.9.2': [seen('1.3.9.2.1', 'counter64', 7), seen('1.3.9.2.2', 'counter64', 8), seen('1.3.9.2.3', 'text', '?')],
      '1.3.9.1': [seen('1.3.9.1.1', 'text', 'eth'), seen('1.3.9.1.2', 'text', 'eth')],
      '1.3.9.3': [seen('1.3.9.3.4', 'ticks', 150)],
    }
    const values = columns[oid] ?? []
    return { values: values.slice(0, most), more: values.length > most }
  },
}

test('numbers, texts that are numbers, counters and columns become metrics; words become facts', async () => {
  const settings = {
    get: { temperature: '1.3.1.0', voltage: '1.3.2.0', mode: '1.3.3.0', absent: '.1.3.4.0' },
    walk: { octets: '1.3.9.2', since: '1.3.9.3' },
    itemNames: '1.3.9.1',
    scale: { temperature: '0.1' },
  }
  const gathered = await collectOnce(snmpValues, settings, { client })
  expectSound(snmpValues, gathered)
  expect([gathered, judgedBy(snmpValues, gathered)]).toEqual([
    {
      metrics: { missing: 1 },
      more: [
        { name: 'temperature', labels: {}, value: 23.5 },
        { name: 'voltage', labels: {}, value: 12.5 },
        { name: 'octets', labels: { item: 'eth' }, value: 7, kind: 'counter' },
        { name: 'octets', labels: { item: 'eth #2' }, value: 8, kind: 'counter' },
        { name: 'since', labels: { item: '4' }, value: 1.5, unit: 's' },
      ],
      facts: { mode: 'on battery' },
      message: 'no number for: absent',
    },
    { 'variables missing': 'WARNING' },
  ])
})

test('a device that has all that is asked for raises nothing', async () => {
  expect(judgedBy(snmpValues, await collectOnce(snmpValues, { get: { temperature: '1.3.1.0' } }, { client }))).toEqual(
    {},
  )
})

test('more rows than wanted are cut with words', async () => {
  const gathered = await collectOnce(snmpValues, { walk: { octets: '1.3.9.2' }, maxRows: 1 }, { client })
  expect([gathered.more?.length, gathered.message]).toEqual([1, 'only the first 1 rows are read'])
})

// settings → the words
const wrong: [Record<string, unknown>, string[]][] = [
  [{ get: { a: 'sysUpTime' } }, ['s.get.a is no OID']],
  [{ get: { a: '1.3.6' }, walk: { a: '1.3.7' } }, ['s.walk.a is a name in `get` as well']],
  [{ get: { a: '1.3.6' }, scale: { a: 'ten' } }, ['s.scale.a is no number']],
  [{ get: { a: '1.3.6' }, scale: { b: '10' } }, ['s.scale.b is no name in `get` or `walk`']],
  [{ get: { missing: '1.3.6' } }, ['s.get.missing is the name of a metric that there is already']],
]
test.each(wrong)('%j', (settings, words) => {
  const checked = checkDeclared(snmpValues, settings, 's')
  expect(checked.ok ? [] : checked.problems.map((one) => `${one.path} ${one.message}`)).toEqual(words)
})
